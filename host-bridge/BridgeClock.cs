using HostBridge.Recovery;

namespace HostBridge;

/// <summary>Reads both clocks at once.</summary>
/// <param name="time">The clocks.</param>
internal sealed class BridgeClock(TimeProvider time)
{
    private readonly long _start = time.GetTimestamp();

    /// <summary>The clocks themselves, for waits.</summary>
    public TimeProvider Time => time;

    /// <summary>This moment.</summary>
    public Moment Now => new(time.GetElapsedTime(_start), time.GetUtcNow());
}
