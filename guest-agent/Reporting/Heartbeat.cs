using GuestAgent.Detection;

namespace GuestAgent.Reporting;

/// <summary>The sign of life: once a minute, off the minute by up to a tenth, different for each guest.</summary>
internal sealed class Heartbeat(double phase)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(60);

    private Moment? _due;

    /// <summary>When the next is due.</summary>
    public Moment Due(Moment now) => _due ?? now;

    /// <summary>Whether one is due; if so, the next is set.</summary>
    public bool Beats(Moment now)
    {
        if (_due is { } due && !due.HasCome(now))
        {
            return false;
        }

        _due = now + (Interval * (0.9 + (0.2 * phase)));
        return true;
    }
}
