using GuestAgent.Detection;

namespace GuestAgent;

/// <content>
/// Nothing is well while nothing is probed: a clock that stands still, a probe that is due and never starts.
/// </content>
internal sealed partial class AgentLoop
{
    /// <summary>The evidence of a filesystem whose probes wait for a time that does not come.</summary>
    public const string ClockStandsStill = "clock-stands-still";

    /// <summary>The evidence of a filesystem whose probe was due and did not start.</summary>
    public const string ProbeOverdue = "probe-overdue";

    /// <summary>A probe is started in the step in which it is due; later than this it never will be.</summary>
    private static readonly TimeSpan OverdueAfter = TimeSpan.FromSeconds(30);

    private readonly ClockCheck _clock = new();

    /// <summary>Since when the guest runs without a standstill: what was due meanwhile is due now.</summary>
    private Moment? _runsSince;

    private void TakeCount(TimeSpan counted, Moment now)
    {
        bool stoodStill = _clock.StandsStill;
        _clock.Counted(counted, now);
        if (_clock.StandsStill && !stoodStill)
        {
            _effects.Add(new AgentEffect.TellWarning(
                "the clock stands still: no probe comes due, and nothing is known of any filesystem until it goes on"));
        }
        else if (stoodStill && !_clock.StandsStill)
        {
            _effects.Add(new AgentEffect.TellWarning("the clock goes on"));
        }
    }

    private void NoteOverdue(Moment now)
    {
        _runsSince ??= now;
        foreach (WatchedFilesystem one in Detector.Filesystems.Values.Where(one => one.Mount.IsProbed))
        {
            string? reason = _clock.StandsStill ? ClockStandsStill : IsOverdue(one, now) ? ProbeOverdue : null;
            if (reason != one.ProbingStopped)
            {
                Detector = Detector.Observe(new Observation.ProbingStopped(one.Device, reason), now);
            }
        }
    }

    private bool IsOverdue(WatchedFilesystem one, Moment now)
        => ProbeSchedule.NextDue(one, _intervals, PhaseOf(one)) is { } due
            && now - due > OverdueAfter && now - _runsSince!.Value > OverdueAfter;
}
