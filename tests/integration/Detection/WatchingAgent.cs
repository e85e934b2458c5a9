using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using Protocol.Health;
using Protocol.Xenstore;
using Testbed.Xenstore;
using Tests.Integration.Agent;

namespace Tests.Integration.Detection;

/// <summary>What an agent said of a filesystem, and when.</summary>
/// <param name="Health">The last that was said; null when nothing was.</param>
/// <param name="IsAsExpected">Whether it is what was waited for.</param>
/// <param name="After">From the beginning of the wait until it was said.</param>
internal sealed record Sighting(FilesystemHealth? Health, bool IsAsExpected, TimeSpan After)
{
    public string Evidence => string.Join(' ', (Health?.Evidence ?? []).Select(Expectation.TextOf));

    public override string ToString() => Health is null
        ? "nothing"
        : $"{Health.Verdict.ToName()}{(Health.Hidden ? ", hidden" : "")}, {Evidence}, {(long)After.TotalMilliseconds} ms";
}

/// <summary>The published agent as a guest of its own, and everything it puts into xenstore.</summary>
internal sealed class WatchingAgent : IAsyncDisposable
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(5);

    private readonly EmbeddedXenstore _xenstore;
    private readonly string _filesystems;
    private readonly ConcurrentDictionary<MountPoint, (ReportedFilesystem Line, long At)> _said = new();

    private WatchingAgent(EmbeddedXenstore xenstore, int domainId)
    {
        _xenstore = xenstore;
        _filesystems = GuestKeys.Absolute(domainId, GuestKeys.Filesystems);
        _xenstore.Changed += Listen;
    }

    public required AgentProcess Process { get; init; }

    /// <summary>Starts one that has never run before: its folder and its domain are new.</summary>
    public static WatchingAgent Start(EmbeddedXenstore xenstore, int domainId, string folder, params string[] options)
    {
        xenstore.IntroduceDomain(domainId);
        Directory.CreateDirectory(folder);
        return new WatchingAgent(xenstore, domainId)
        {
            Process = AgentProcess.Start(
                xenstore.DomainSocketPath(domainId), Path.Combine(folder, "run"), Path.Combine(folder, "output"),
                options),
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
            if (_said.TryGetValue(MountPoint.FromText(mountPoint), out var said)
                && expected.IsMetBy(said.Line.Health))
            {
                return new Sighting(said.Line.Health, IsAsExpected: true, Stopwatch.GetElapsedTime(start, said.At));
            }

            if (Stopwatch.GetElapsedTime(start) > limit)
            {
                return new Sighting(said.Line?.Health, IsAsExpected: false, Stopwatch.GetElapsedTime(start));
            }

            await Task.Delay(LookAgain);
        }
    }

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
            long now = Stopwatch.GetTimestamp();
            _said.AddOrUpdate(
                line.Health.MountPoint, _ => (line, now),
                (_, before) => line.Sequence > before.Line.Sequence ? (line, now) : before);
        }
    }
}
