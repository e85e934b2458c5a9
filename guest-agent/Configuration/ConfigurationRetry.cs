using GuestAgent.Detection;

namespace GuestAgent.Configuration;

/// <summary>
/// When files that could not be read are read again: at once when the root is well after it was not, else with back-off
/// from half a minute to ten minutes, and never while a probe of the root has not come back.
/// </summary>
internal sealed class ConfigurationRetry
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(10);

    private TimeSpan _pause = FirstPause;
    private Moment? _due;
    private bool _wasWell = true;

    /// <summary>When it may be time; null while the configuration is known.</summary>
    public Moment? Due => _due;

    /// <summary>A reading failed.</summary>
    public void Failed(Moment now)
    {
        _pause = _due is null ? FirstPause : TimeSpan.FromTicks(Math.Min(_pause.Ticks * 2, LongestPause.Ticks));
        _due = now + _pause;
    }

    /// <summary>The files were read, whatever is in them.</summary>
    public void Succeeded()
    {
        _due = null;
        _pause = FirstPause;
    }

    /// <summary>Whether to read now. The next time is after the pause.</summary>
    /// <param name="isRootWell">Whether the root's verdict allows to read from it.</param>
    /// <param name="isRootSilent">Whether a probe of the root has not come back: then even to start a process may hang.</param>
    /// <param name="now">The time.</param>
    public bool TakeDue(bool isRootWell, bool isRootSilent, Moment now)
    {
        bool becameWell = isRootWell && !_wasWell;
        _wasWell = isRootWell;
        if (_due is not { } due || isRootSilent || !(becameWell || due.HasCome(now)))
        {
            return false;
        }

        Failed(now);
        return true;
    }
}
