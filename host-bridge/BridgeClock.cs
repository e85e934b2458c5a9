using HostBridge.Recovery;

namespace HostBridge;

/// <summary>Reads both clocks at once.</summary>
/// <param name="time">The clocks.</param>
internal sealed class BridgeClock(TimeProvider time)
{
    private readonly long _start = time.GetTimestamp();

    /// <summary>The clocks themselves, for waits.</summary>
    public TimeProvider Time => time;

    /// <summary>
    /// The moment at which the host had been up for this long, on the monotonic clock; it may lie before the start.
    /// The kernel's log counts so; its clock differs by some milliseconds, and stands still in suspend.
    /// </summary>
    public TimeSpan ElapsedAtBootTime(TimeSpan sinceBoot) => sinceBoot - time.GetElapsedTime(0, _start);

    /// <summary>This moment.</summary>
    public Moment Now => new(time.GetElapsedTime(_start), time.GetUtcNow());
}
