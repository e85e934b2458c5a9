using System.Buffers;
using MessagePack;
using Protocol.Health;
using Protocol.Xenstore;

namespace Protocol.Channel;

/// <summary>
/// Messages as MessagePack, and back. Words, limits and their meaning are those of xenstore (<see cref="ReportCodec"/>,
/// <see cref="RequestCodec"/>); a field is found by its place in its array, and a reader leaves fields behind those
/// that it knows unread.
/// </summary>
public static partial class ChannelCodec
{
    private enum MessageKind
    {
        Report = 1,
        Heartbeat = 2,
        Outcome = 3,
        Request = 4,
        NoRequest = 5,
    }

    /// <summary>Writes a message; it is never longer than <see cref="ChannelLimits.MaxMessageBytes"/>.</summary>
    public static byte[] Encode(ChannelMessage message)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        var writer = new MessagePackWriter(buffer);
        switch (message)
        {
            case ChannelMessage.Report { Content: var report }:
                WriteReport(ref writer, report);
                break;
            case ChannelMessage.Heartbeat heartbeat:
                Begin(ref writer, MessageKind.Heartbeat, fields: 3);
                writer.Write(heartbeat.BootId.ToString());
                writer.Write(heartbeat.Sequence);
                writer.Write(heartbeat.UptimeSeconds);
                break;
            case ChannelMessage.Outcome { Content: var outcome }:
                WriteOutcome(ref writer, outcome);
                break;
            case ChannelMessage.Request { Content: var request }:
                Begin(ref writer, MessageKind.Request, fields: 6);
                writer.Write(request.Id.ToString());
                writer.Write(request.BootId.ToString());
                writer.Write(request.ReportSequence);
                writer.Write(request.Filesystem.Encoded);
                writer.Write(RequestWords.Actions.ToName(request.Action));
                writer.Write(request.LifetimeSeconds);
                break;
            case ChannelMessage.NoRequest:
                Begin(ref writer, MessageKind.NoRequest, fields: 0);
                break;
            default:
                throw new InvalidOperationException($"{message.GetType().Name} is no message of the channel");
        }

        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private static void Begin(ref MessagePackWriter writer, MessageKind kind, int fields)
    {
        writer.WriteArrayHeader(fields + 2);
        writer.Write(GuestReport.CurrentSchema);
        writer.Write((int)kind);
    }

    private static void WriteReport(ref MessagePackWriter writer, GuestReport report)
    {
        int count = Math.Min(report.Filesystems.Count, GuestReport.MaxFilesystems);
        Begin(ref writer, MessageKind.Report, fields: 4 + count + (report.HasFsckHook ? 1 : 0));
        writer.Write(report.BootId.ToString());
        writer.Write(report.Sequence);
        writer.Write(report.AgentVersion);
        writer.Write(report.FilesystemCount);
        foreach (FilesystemHealth health in report.Filesystems.Take(count))
        {
            // In a byte string of its own, so that its fields can become more.
            var inner = new ArrayBufferWriter<byte>(256);
            var fields = new MessagePackWriter(inner);
            WriteFilesystem(ref fields, health);
            fields.Flush();
            writer.Write(inner.WrittenSpan);
        }

        if (report.HasFsckHook)
        {
            writer.Write(true);
        }
    }

    /// <summary>What an agent of version 0.1.0 sends; later ones send more behind.</summary>
    private const int FirstFilesystemFields = 10;

    private const int FilesystemFields = FirstFilesystemFields + 4;

    private static void WriteFilesystem(ref MessagePackWriter writer, FilesystemHealth health)
    {
        int evidence = Math.Min(health.Evidence.Count, FilesystemHealth.MaxEvidence);
        writer.WriteArrayHeader(FilesystemFields);
        writer.Write(ReportCodec.Shortened(health.MountPoint.Encoded));
        writer.Write(health.Device);
        writer.Write(health.FilesystemType);
        writer.Write(health.Role == FilesystemRole.Root);
        writer.Write(health.Verdict.ToName());
        writer.Write(health.Hidden);
        writer.Write(health.Claims == MountClaim.Ro);
        writer.Write(health.Since.ToUnixTimeMilliseconds());
        if (health.DataLossSince is { } lossSince)
        {
            writer.Write(lossSince.ToUnixTimeMilliseconds());
        }
        else
        {
            writer.WriteNil();
        }

        writer.WriteArrayHeader(2 * evidence);
        foreach (Evidence fact in health.Evidence.Take(evidence))
        {
            writer.Write(fact.Kind.ToName());
            WriteText(ref writer, fact.Detail, ReportCodec.MaxDetailBytes);
        }

        writer.Write(health.Why?.ToName() ?? string.Empty);
        writer.Write(ReportCodec.OriginText(health.Origins));
        writer.Write(health.BootCheck.ToName());
        writer.Write(health.BootCheckWhy?.ToName() ?? string.Empty);
    }

    private static void WriteOutcome(ref MessagePackWriter writer, RequestOutcome outcome)
    {
        Begin(ref writer, MessageKind.Outcome, fields: 7);
        writer.Write(outcome.Id.ToString());
        writer.Write(outcome.BootId.ToString());
        writer.Write(RequestWords.Statuses.ToName(outcome.Status));
        writer.Write(RequestWords.Reasons.ToName(outcome.Reason));
        if (outcome.FsckExitCode is { } exitCode)
        {
            writer.Write(exitCode);
        }
        else
        {
            writer.WriteNil();
        }

        WriteText(ref writer, outcome.Probe, RequestCodec.MaxProbeBytes);
        WriteText(ref writer, outcome.Detail, RequestCodec.MaxDetailBytes);
    }

    /// <summary>Text for a person, cut to a length in bytes.</summary>
    private static void WriteText(ref MessagePackWriter writer, string text, int maxBytes)
    {
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(text);
        writer.WriteString(bytes.AsSpan(0, Math.Min(bytes.Length, maxBytes)));
    }
}
