using System.Globalization;
using System.Text;
using GuestAgent.Detection;
using Protocol.Health;
using Protocol.Xenstore;

namespace GuestAgent.Reporting;

/// <summary>
/// The text of <c>/run/guest-agent/status</c>, for a shell whose <c>read</c> builtin is all that still works.
/// </summary>
internal static class StatusText
{
    /// <summary>The file's name.</summary>
    public const string FileName = "status";

    /// <summary>It is written again with each heartbeat, every minute; later than this nobody writes it any more.</summary>
    private static readonly TimeSpan ValidFor = TimeSpan.FromSeconds(120);

    /// <summary>The text of an agent whose loop is stuck: nothing is known any more.</summary>
    /// <param name="stuckFor">For how long.</param>
    /// <param name="wallClock">When it is written.</param>
    public static string OfStuckLoop(TimeSpan stuckFor, DateTimeOffset wallClock) => string.Create(
        CultureInfo.InvariantCulture,
        $"{ReportCodec.StateText(new GuestState(Verdict.Unknown, Hidden: false, wallClock))} since "
            + $"{FieldLine.Time(wallClock)}\nthe agent makes no progress for {(long)stuckFor.TotalSeconds} s\n");

    /// <summary>
    /// When it was written and until when it holds: the time of day for people, and the seconds of /proc/uptime, which
    /// nobody sets.
    /// </summary>
    private static string Written(Moment now, TimeSpan validFor) => string.Create(
        CultureInfo.InvariantCulture,
        $"written {FieldLine.Time(now.WallClock)} uptime {(long)now.SinceBoot.TotalSeconds} s, "
            + $"stale after uptime {(long)(now.SinceBoot + validFor).TotalSeconds} s");

    /// <summary>The last line: why the files of the configuration are not known; empty when they are.</summary>
    public static string ConfigurationLine(string? trouble) => trouble is null ? string.Empty : $"{trouble}\n";

    /// <summary>The summary, how the report travels, then one line a filesystem, worst first.</summary>
    /// <param name="report">What is held true.</param>
    /// <param name="carrier">How it stands with xenstore.</param>
    /// <param name="channel">How it stands with the channel; null where there is none.</param>
    /// <param name="now">When it is written.</param>
    public static string Of(GuestReport report, string carrier, string? channel, Moment now)
    {
        var text = new StringBuilder()
            .Append(ReportCodec.StateText(report.State))
            .Append(" since ").Append(FieldLine.Time(report.State.Since)).Append('\n')
            .Append("xenstore ").Append(carrier).Append('\n')
            .Append(Written(now, ValidFor)).Append('\n');
        if (channel is not null)
        {
            text.Append("channel ").Append(channel).Append('\n');
        }

        foreach (FilesystemHealth health in report.Filesystems)
        {
            text.Append(health.MountPoint.Encoded).Append(' ').Append(health.Verdict.ToName());
            if (health.Hidden)
            {
                text.Append(" (hidden: mount says rw)");
            }

            text.Append(" since ").Append(FieldLine.Time(health.Since))
                .Append(" device ").Append(health.Device)
                .Append(" type ").Append(health.FilesystemType);
            if (health.Why is { } why)
            {
                text.Append(" why ").Append(why.ToName());
            }

            foreach (Evidence fact in health.Evidence)
            {
                text.Append(' ').Append(fact.Kind.ToName()).Append(':').Append(fact.Detail);
            }

            text.Append('\n');
        }

        return text.ToString();
    }
}
