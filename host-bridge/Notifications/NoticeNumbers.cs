using HostBridge.Notifications.Telling;

namespace HostBridge.Notifications;

/// <summary>
/// Gives notices their numbers: microseconds since 1970, and always more than the one before. For the driver's task
/// alone.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class NoticeNumbers(TimeProvider time)
{
    private long _last;

    /// <summary>No number that was given before this is given again.</summary>
    public void Above(long number) => _last = Math.Max(_last, number);

    /// <summary>The notice with a number.</summary>
    public Notice Number(Notice notice)
    {
        long now = (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        _last = Math.Max(_last + 1, now);
        return notice with { Id = _last };
    }
}
