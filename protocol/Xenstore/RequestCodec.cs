using Protocol.Health;

namespace Protocol.Xenstore;

/// <summary>Requests and outcomes as lines, and back.</summary>
public static class RequestCodec
{
    internal const int MaxDetailBytes = 200;
    internal const int MaxProbeBytes = 16;
    internal const int MaxExitCode = 255;

    /// <summary>
    /// A request as a line: <c>id=… boot=… seq=7 filesystem=/ action=reboot lifetime=60</c>.
    /// </summary>
    public static string ToLine(GuestRequest request)
        => new FieldLineWriter()
            .Add("id", request.Id.ToString())
            .Add("boot", request.BootId.ToString())
            .Add("seq", request.ReportSequence)
            .Add("filesystem", request.Filesystem.Encoded)
            .Add("action", RequestWords.Actions.ToName(request.Action))
            .Add("lifetime", request.LifetimeSeconds)
            .ToString();

    /// <summary>Reads a request; null when any field is absent or malformed.</summary>
    public static GuestRequest? TryParseRequest(ReadOnlySpan<byte> bytes)
    {
        FieldLine? line = FieldLine.TryParse(bytes);
        if (line is null
            || line["id"] is not { } idText || !RequestId.TryParse(idText, out RequestId id)
            || line["boot"] is not { } boot || !BootId.TryParse(boot, out BootId bootId)
            || line.Number("seq", 0, long.MaxValue) is not { } sequence
            || line["filesystem"] is not { } mount || !MountPoint.TryParse(mount, out MountPoint filesystem)
            || line["action"] is not { } word || !RequestWords.Actions.TryParse(word, out RequestAction action)
            || line.Number("lifetime", 1, GuestRequest.MaxLifetimeSeconds) is not { } lifetime)
        {
            return null;
        }

        return new GuestRequest
        {
            Id = id,
            BootId = bootId,
            ReportSequence = sequence,
            Filesystem = filesystem,
            Action = action,
            LifetimeSeconds = (int)lifetime,
        };
    }

    /// <summary>
    /// An outcome as a line: <c>id=… boot=… status=done reason=none probe=ok fsck=1 detail=…</c>.
    /// </summary>
    public static string ToLine(RequestOutcome outcome)
    {
        var line = new FieldLineWriter()
            .Add("id", outcome.Id.ToString())
            .Add("boot", outcome.BootId.ToString())
            .Add("status", RequestWords.Statuses.ToName(outcome.Status))
            .Add("reason", RequestWords.Reasons.ToName(outcome.Reason));
        if (outcome.FsckExitCode is { } exitCode)
        {
            line.Add("fsck", exitCode);
        }

        return line
            .AddText("probe", outcome.Probe, MaxProbeBytes)
            .AddText("detail", outcome.Detail, MaxDetailBytes)
            .ToString();
    }

    /// <summary>Reads an outcome; null when a field that must be there is absent or malformed.</summary>
    public static RequestOutcome? TryParseOutcome(ReadOnlySpan<byte> bytes)
    {
        FieldLine? line = FieldLine.TryParse(bytes);
        if (line is null
            || line["id"] is not { } idText || !RequestId.TryParse(idText, out RequestId id)
            || line["boot"] is not { } boot || !BootId.TryParse(boot, out BootId bootId)
            || line["status"] is not { } word || !RequestWords.Statuses.TryParse(word, out RequestStatus status)
            || line["reason"] is not { } why || !RequestWords.Reasons.TryParse(why, out OutcomeReason reason))
        {
            return null;
        }

        return new RequestOutcome
        {
            Id = id,
            BootId = bootId,
            Status = status,
            Reason = reason,
            Probe = line.Text("probe") ?? string.Empty,
            Detail = line.Text("detail") ?? string.Empty,
            FsckExitCode = (int?)line.Number("fsck", 0, MaxExitCode),
        };
    }
}
