using System.Globalization;
using Protocol.Health;

namespace GuestAgent.Inquiries;

/// <summary>
/// What the host says that it last did for this guest: kept for those who ask, and told to the log once a recovery,
/// also when the agent is started again.
/// </summary>
internal sealed class RecoveryNews
{
    /// <summary>The file of the status folder that holds the name of the recovery that was told.</summary>
    public const string FileName = "recovery-told";

    private RequestId _told;

    /// <summary>The last recovery; null when none is known.</summary>
    public LastRecovery? Last { get; private set; }

    /// <summary>An agent before this one, in the same boot, told of this one.</summary>
    public void Remember(RequestId told) => _told = told;

    /// <summary>The host's word was read; null when it is none that can be understood.</summary>
    public void Take(LastRecovery? recovery) => Last = recovery ?? Last;

    /// <summary>What is to be told to the log now; null when nothing is new.</summary>
    public LastRecovery? TakeNews()
    {
        if (Last is null || Last.Id == _told)
        {
            return null;
        }

        _told = Last.Id;
        return Last;
    }

    /// <summary>A recovery in words.</summary>
    public static string Text(LastRecovery recovery)
    {
        string means = recovery.Means switch
        {
            RecoveryMeans.Remount => "asked this guest to remount a filesystem",
            RecoveryMeans.Repair => "asked this guest to check and mount a filesystem",
            RecoveryMeans.Reboot => "restarted this guest",
            _ => "destroyed this guest, which did not end, and created it again",
        };
        string end = recovery.End == RecoveryEnd.Proved
            ? string.Empty
            : ", which did not suffice; its operator is told";
        string fsck = recovery.FsckExitCode is { } exitCode
            ? string.Create(CultureInfo.InvariantCulture, $"; e2fsck ended with {exitCode}")
            : string.Empty;
        string time = recovery.Time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
        return $"the host {means}{end} ({recovery.Id}, {time} UTC by the host's clock){fsck}: {recovery.Reason}";
    }
}
