namespace HostBridge.Doctor;

/// <summary>What a failover does to a guest, the worst last.</summary>
internal enum FailoverOutcome
{
    /// <summary>It does not notice.</summary>
    Unaffected = 0,

    /// <summary>Its writes wait and then succeed; nothing is damaged.</summary>
    Stalls,

    /// <summary>It cannot be told.</summary>
    Unknown,

    /// <summary>It lives or dies by a few seconds.</summary>
    AtRisk,

    /// <summary>Its writes fail, its journal aborts, and it stays dead when the storage is back.</summary>
    Dies,
}

/// <summary>What a failover of some length will do to one guest.</summary>
/// <param name="Guest">The guest's name.</param>
/// <param name="FailoverSeconds">How long all its storage is gone.</param>
/// <param name="Outcome">What becomes of it.</param>
/// <param name="Text">The same in words, and which setting decides.</param>
internal sealed record Prediction(string Guest, int FailoverSeconds, FailoverOutcome Outcome, string Text)
{
    /// <summary>
    /// What a session needs after the storage is back: iscsid's next attempt and the login; login_timeout is 15 s.
    /// </summary>
    public const int ReturnSeconds = 15;

    /// <summary>From this time on a guest's kernel warns of hung tasks (hung_task_timeout_secs).</summary>
    private const int HungTaskSeconds = 120;

    /// <summary>Predicts.</summary>
    public static Prediction Of(GuestOnHost guest, HostSettings host, int failoverSeconds)
    {
        List<Patience> disks = [.. guest.Disks.Select(disk => Patience.Of(disk, host)), .. guest.Unmappable.Select(Unmapped)];
        Patience patience = disks.Count > 0
            ? Patience.Shortest(disks)
            : new Patience.Unknown("nothing is known of its disks");
        (FailoverOutcome outcome, string text) = patience switch
        {
            Patience.Limited { Seconds: var seconds } limited when failoverSeconds >= seconds => (
                FailoverOutcome.Dies,
                seconds == 0
                    ? $"{limited.Why}: its writes fail at once and its journal aborts"
                    : FormattableString.Invariant($"{limited.Why}: hangs up to {seconds} s, then its journal aborts")),
            Patience.Limited { Seconds: var seconds } limited when failoverSeconds + ReturnSeconds >= seconds => (
                FailoverOutcome.AtRisk,
                FormattableString.Invariant(
                    $"{limited.Why}: hangs for about {failoverSeconds} s; to be back takes up to {ReturnSeconds} s more, which may be too late")),
            Patience.Limited or Patience.Endless => (
                FailoverOutcome.Stalls,
                $"{patience.Why}: hangs for as long as it lasts, then goes on without damage{HungTasks(failoverSeconds)}"),
            Patience.Local => (FailoverOutcome.Unaffected, $"{patience.Why}: does not notice"),
            _ => (FailoverOutcome.Unknown, patience.Why),
        };
        return new Prediction(guest.Name, failoverSeconds, outcome, text);
    }

    private static Patience.Unknown Unmapped(string disk)
        => new($"{disk} is not served by a block device of this host: what carries it decides, look there");

    private static string HungTasks(int failoverSeconds)
        => failoverSeconds >= HungTaskSeconds ? "; its kernel warns of hung tasks meanwhile" : string.Empty;
}
