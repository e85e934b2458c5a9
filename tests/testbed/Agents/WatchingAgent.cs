using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Text;
using Protocol.Health;
using Protocol.Xenstore;
using Testbed.Xenstore;

namespace Testbed.Agents;

/// <summary>One word of an agent about a filesystem.</summary>
/// <param name="Line">The line in xenstore.</param>
/// <param name="At">When it was written, as <see cref="Stopwatch"/> has it.</param>
internal sealed record Said(ReportedFilesystem Line, long At);

/// <summary>What an agent said of a filesystem, and when.</summary>
/// <param name="Health">The last that was said; null when nothing was.</param>
/// <param name="IsAsExpected">Whether it is what was waited for.</param>
/// <param name="After">From the beginning of the wait until it was said; 0 when that was before.</param>
/// <param name="FirstAlarm">The first critical verdict since the beginning, and when; null when there was none.</param>
internal sealed record Sighting(
    FilesystemHealth? Health, bool IsAsExpected, TimeSpan After, (Verdict Verdict, TimeSpan After)? FirstAlarm)
{
    public string Evidence => string.Join(' ', (Health?.Evidence ?? []).Select(Expectation.TextOf));

    public override string ToString() => Health is null
        ? "nothing"
        : $"{Health.Verdict.ToName()}{(Health.Hidden ? ", hidden" : "")}, {Evidence}, {After.TotalMilliseconds:F0} ms";
}

/// <summary>The published agent as a guest of its own, and everything it puts into xenstore.</summary>
internal sealed class WatchingAgent : IAsyncDisposable
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(5);

    private readonly EmbeddedXenstore _xenstore;
    private readonly string _filesystems;
    private readonly ConcurrentDictionary<MountPoint, ImmutableList<Said>> _said = new();

    private WatchingAgent(EmbeddedXenstore xenstore, int domainId)
    {
        _xenstore = xenstore;
        _filesystems = GuestKeys.Absolute(domainId, GuestKeys.Filesystems);
        _xenstore.Changed += Listen;
    }

    public required AgentProcess Process { get; init; }

    /// <summary>Starts one that has never run before: its folder and its domain are new.</summary>
    public static WatchingAgent Start(EmbeddedXenstore xenstore, int domainId, string folder, params string[] options)
        => StartIn([], xenstore, domainId, folder, options);

    /// <summary>As <see cref="Start"/>, in another environment (<see cref="AgentProcess.StartIn"/>).</summary>
    public static WatchingAgent StartIn(
        string[] environment, EmbeddedXenstore xenstore, int domainId, string folder, params string[] options)
    {
        xenstore.IntroduceDomain(domainId);
        Directory.CreateDirectory(folder);
        return new WatchingAgent(xenstore, domainId)
        {
            Process = AgentProcess.StartIn(
                environment, xenstore.DomainSocketPath(domainId), Path.Combine(folder, "run"),
                Path.Combine(folder, "output"), options),
        };
    }

    /// <summary>Waits until that is said of a filesystem; after the limit, what was said instead.</summary>
    /// <param name="mountPoint">Where it is mounted.</param>
    /// <param name="expected">What is waited for.</param>
    /// <param name="start">When the wait begins, as <see cref="Stopwatch"/> has it.</param>
    /// <param name="limit">The longest wait.</param>
    public async Task<Sighting> WatchAsync(string mountPoint, Expectation expected, long start, TimeSpan limit)
    {
        while (true)
        {
            ImmutableList<Said> said = _said.GetValueOrDefault(MountPoint.FromText(mountPoint), []);
            Said? last = said.Count > 0 ? said[^1] : null;
            bool isMet = last is not null && expected.IsMetBy(last.Line.Health);
            if (isMet || Stopwatch.GetElapsedTime(start) > limit)
            {
                // It may have been said again meanwhile, with more evidence.
                Said? first = isMet ? said[said.FindLastIndex(one => !expected.IsMetBy(one.Line.Health)) + 1] : null;
                long at = first is null ? Stopwatch.GetTimestamp() : Math.Max(start, first.At);
                return new Sighting(
                    last?.Line.Health, isMet, Stopwatch.GetElapsedTime(start, at), FirstAlarm(said, start));
            }

            await Task.Delay(LookAgain);
        }
    }

    /// <summary>All that was said of a filesystem until now.</summary>
    public IReadOnlyList<Said> SaidOf(string mountPoint)
        => _said.GetValueOrDefault(MountPoint.FromText(mountPoint), []);

    public async ValueTask DisposeAsync()
    {
        _xenstore.Changed -= Listen;
        await Process.DisposeAsync();
    }

    private void Listen(XenstoreChange change)
    {
        if (change.Value is { } value && change.Path.StartsWith(_filesystems, StringComparison.Ordinal)
            && ReportCodec.TryParseLine(Encoding.ASCII.GetBytes(value)) is { } line)
        {
            var said = new Said(line, Stopwatch.GetTimestamp());
            // A line that moves to another slot is not said again.
            _said.AddOrUpdate(
                line.Health.MountPoint, _ => [said],
                (_, before) => line.Sequence > before[^1].Line.Sequence ? before.Add(said) : before);
        }
    }

    private static (Verdict Verdict, TimeSpan After)? FirstAlarm(ImmutableList<Said> said, long start)
        => said.Find(one => one.At >= start && one.Line.Health.Verdict.ToSeverity() == Severity.Critical) is { } alarm
            ? (alarm.Line.Health.Verdict, Stopwatch.GetElapsedTime(start, alarm.At))
            : null;
}
