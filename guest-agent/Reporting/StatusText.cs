using System.Text;
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

    /// <summary>The last line: why the files of the configuration are not known; empty when they are.</summary>
    public static string ConfigurationLine(string? trouble) => trouble is null ? string.Empty : $"{trouble}\n";

    /// <summary>The summary, how the report travels, then one line a filesystem, worst first.</summary>
    /// <param name="report">What is held true.</param>
    /// <param name="carrier">How it stands with xenstore.</param>
    /// <param name="channel">How it stands with the channel; null where there is none.</param>
    public static string Of(GuestReport report, string carrier, string? channel = null)
    {
        var text = new StringBuilder()
            .Append(ReportCodec.StateText(report.State))
            .Append(" since ").Append(FieldLine.Time(report.State.Since)).Append('\n')
            .Append("xenstore ").Append(carrier).Append('\n');
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
