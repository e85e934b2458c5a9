using GuestAgent.Detection;

namespace GuestAgent.Signals;

/// <summary>
/// When the mount table is read again after it changed: at once, but a storm of mounts costs at most a hundredth of the
/// time, however long the table is.
/// </summary>
internal sealed class ReadingPace
{
    private static readonly TimeSpan LeastApart = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan AgainAfter = TimeSpan.FromSeconds(1);
    private const int Share = 100;

    private bool _isWanted;
    private Moment _notBefore;

    /// <summary>When the next reading may begin; null when none is wanted.</summary>
    public Moment? Due => _isWanted ? _notBefore : null;

    /// <summary>It changed.</summary>
    public void Want() => _isWanted = true;

    public bool IsDue(Moment now) => _isWanted && _notBefore.HasCome(now);

    /// <summary>It could not be read: it is tried again in a while.</summary>
    public void Failed(Moment now)
    {
        _isWanted = true;
        _notBefore = now + AgainAfter;
    }

    /// <summary>It was read, for whatever reason.</summary>
    public void WasRead(Moment begun, Moment ended)
    {
        TimeSpan pause = (ended - begun) * Share;
        _isWanted = false;
        _notBefore = ended + (pause > LeastApart ? pause : LeastApart);
    }
}
