namespace GuestAgent.Detection;

/// <summary>
/// Holds the loop's clock against time that was counted without one. Where it stands still no probe is ever due, none
/// is ever late, and what was true once would be reported for ever.
/// </summary>
internal sealed class ClockCheck
{
    /// <summary>So much is counted before it is held against the clock.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private Moment? _since;
    private TimeSpan _counted;

    /// <summary>
    /// Over the last window the clock went less than half as far as the count. A count is never more than what passed,
    /// and a clock that counts suspended time goes further.
    /// </summary>
    public bool StandsStill { get; private set; }

    /// <summary>Takes what was counted since the last time.</summary>
    public void Counted(TimeSpan counted, Moment now)
    {
        _counted += counted;
        if (_since is not { } since)
        {
            // The first count began before this moment.
            (_since, _counted) = (now, TimeSpan.Zero);
        }
        else if (_counted >= Window)
        {
            StandsStill = now - since < _counted / 2;
            (_since, _counted) = (now, TimeSpan.Zero);
        }
    }
}
