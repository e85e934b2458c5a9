using HostBridge;
using HostBridge.Correlation;
using HostBridge.Recovery;
using Protocol.Health;
using Tests.Unit.Bridge.Storage.Fixtures;

namespace Tests.Unit.Bridge.Correlation;

/// <summary>
/// A host whose storage fails under guests, from sysfs and the kernel's log to the timelines of the bridge's own loop;
/// without a clock and without a device.
/// </summary>
internal sealed class TimelineStory : IDisposable
{
    private readonly DateTimeOffset _start = new(2026, 3, 1, 3, 0, 0, TimeSpan.Zero);
    private readonly TimeSpan _startElapsed;
    private readonly Dictionary<int, long> _sequences = [];

    public TimelineStory(RecoveryPolicy? policy = null)
    {
        Loop = new BridgeLoop(policy ?? new RecoveryPolicy());
        _startElapsed = Storage.Now;
        Storage.Looked = (conditions, lines) =>
        {
            Step(new BridgeInput.DisksChecked(conditions) { Lines = lines });
            Step(new BridgeInput.Tick());
        };
    }

    public StorageStory Storage { get; } = new();

    public BridgeLoop Loop { get; }

    public List<TimelineEntry> Entries { get; } = [];

    /// <summary>How far Dom0's wall clock was set while the story went on.</summary>
    public TimeSpan ClockStep { get; set; }

    public Moment Now => new(Storage.Now, _start + (Storage.Now - _startElapsed) + ClockStep);

    public IReadOnlyList<string> Incidents => [.. Entries.Select(entry => entry.Incident).Distinct()];

    public void Dispose() => Storage.Dispose();

    public TimelineStory Guest(int number, params DeviceNumber[] disks)
    {
        Storage.Guest(number, disks);
        Step(new BridgeInput.GuestSeen(Identity(number), new DomainId(number), new GuestDisks(disks, [])));
        return this;
    }

    /// <summary>The guest reports; what it says of the time is its own affair.</summary>
    public TimelineStory Say(int number, Verdict verdict, DateTimeOffset? since = null)
    {
        FilesystemHealth filesystem = BridgeStory.Filesystem(verdict: verdict) with { Since = since ?? Now.Wall };
        long sequence = _sequences[number] = _sequences.GetValueOrDefault(number) + 1;
        Step(new BridgeInput.ReportRead(
            Identity(number).Uuid, new DomainId(number), BridgeStory.Report(number, sequence, filesystem), IsNew: true));
        return this;
    }

    /// <summary>Everything is well, and has been for long.</summary>
    public TimelineStory Settle()
    {
        Storage.Settle();
        return this;
    }

    public TimelineStory Wait(int seconds)
    {
        Storage.Wait(seconds);
        return this;
    }

    public TimelineStory PassMs(int milliseconds)
    {
        Storage.Pass(TimeSpan.FromMilliseconds(milliseconds));
        return this;
    }

    public void Step(BridgeInput input)
    {
        Loop.Step(input, Now);
        Entries.AddRange(Loop.TakeTimeline());
    }

    /// <summary>The entries of one source, by their words.</summary>
    public IReadOnlyList<string> Of(TimelineSource source, string group = "")
        => [.. Entries.Where(entry => entry.Source == source && entry.LunGroup.Contains(group, StringComparison.Ordinal))
            .Select(entry => entry.GuestName is { } name ? $"{name}: {entry.Text}" : entry.Text)];

    public string Text() => TimelineText.Write(Entries);

    public static GuestIdentity Identity(int number) => new(new Guid(number, 0, 0, new byte[8]), $"g{number}");
}
