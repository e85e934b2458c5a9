using GuestAgent.Detection;
using Protocol.Channel;
using Protocol.Health;
using Protocol.Xenstore;

namespace GuestAgent.Reporting;

/// <summary>
/// When an alarm reaches nobody for half a minute, the kernel log is told of it, and with it the primary console: at
/// most once a minute, and ten times a boot.
/// </summary>
internal sealed class LastResort
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Apart = TimeSpan.FromMinutes(1);

    private Moment? _due;
    private int _said;
    private GuestState? _delivered;

    /// <summary>When a line is due; null when none is.</summary>
    public Moment? Due => _said < LastResortLine.MaxPerBoot ? _due : null;

    /// <summary>An agent before this one, in the same boot, said so many lines.</summary>
    public void Remember(int said) => _said = Math.Max(_said, said);

    /// <summary>The line to say now; null when there is none to say.</summary>
    /// <param name="report">What is held true.</param>
    /// <param name="isDelivered">Whether a carrier has brought it to the host.</param>
    /// <param name="now">The moment.</param>
    public LastResortLine? Say(GuestReport report, bool isDelivered, Moment now)
    {
        // More evidence for what the host knows is no alarm of its own.
        _delivered = isDelivered ? report.State : _delivered;
        if (report.State == _delivered || report.State.Severity != Severity.Critical)
        {
            _due = null;
            return null;
        }

        _due ??= now + Patience;
        if (Due is not { } due || !due.HasCome(now))
        {
            return null;
        }

        _due = now + Apart;
        _said++;
        return new LastResortLine(
            _said, new ReportedFilesystem(report.BootId, report.Sequence, report.Filesystems[0]));
    }
}
