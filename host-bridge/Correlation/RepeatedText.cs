namespace HostBridge.Correlation;

/// <summary>
/// How often a line came again: it is told more and more seldom, so that no flood becomes a long story.
/// </summary>
/// <param name="source">Who tells it.</param>
/// <param name="saidAt">When it was first told, on the monotonic clock.</param>
internal sealed class RepeatedText(TimelineSource source, TimeSpan saidAt)
{
    private static readonly TimeSpan FirstInterval = TimeSpan.FromSeconds(10);

    private TimeSpan _interval = FirstInterval;
    private TimeSpan _dueAt = saidAt + FirstInterval;
    private string _text = string.Empty;
    private TimeSpan _lastAt;
    private int _count;

    /// <summary>Who tells it.</summary>
    public TimelineSource Source => source;

    /// <summary>It came again.</summary>
    /// <param name="text">How it was worded the last time.</param>
    /// <param name="count">How often.</param>
    /// <param name="at">When the last time, on the monotonic clock.</param>
    public void Repeat(string text, int count, TimeSpan at)
    {
        if (count > 0)
        {
            (_text, _lastAt) = (text, at);
            _count = (int)Math.Min((long)_count + count, int.MaxValue);
        }
    }

    /// <summary>What is to be told of it now; null when nothing is.</summary>
    public (string Text, int Count, TimeSpan At)? Take(TimeSpan now, bool isEnd)
    {
        if (_count == 0 || (now < _dueAt && !isEnd))
        {
            return null;
        }

        _interval *= 2;
        _dueAt = now + _interval;
        int count = _count;
        _count = 0;
        return (_text, count, _lastAt);
    }
}
