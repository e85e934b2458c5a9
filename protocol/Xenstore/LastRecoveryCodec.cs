using Protocol.Health;

namespace Protocol.Xenstore;

/// <summary>The node <see cref="GuestKeys.LastRecovery"/> as a line, and back.</summary>
public static class LastRecoveryCodec
{
    /// <summary>
    /// <c>time=… id=reboot-0a1b2c3d-1 action=reboot result=proved fsck=1 reason=/%20writes%20again</c>.
    /// </summary>
    public static string ToLine(LastRecovery recovery)
    {
        var line = new FieldLineWriter()
            .Add("time", recovery.Time)
            .Add("id", recovery.Id.ToString())
            .Add("action", LastRecovery.MeansWords.ToName(recovery.Means))
            .Add("result", LastRecovery.EndWords.ToName(recovery.End));
        if (recovery.FsckExitCode is { } exitCode)
        {
            line.Add("fsck", exitCode);
        }

        return line.AddText("reason", recovery.Reason, LastRecovery.MaxReasonBytes).ToString();
    }

    /// <summary>Reads a line; null when a field that must be there is absent or malformed.</summary>
    public static LastRecovery? TryParse(ReadOnlySpan<byte> bytes)
    {
        FieldLine? line = FieldLine.TryParse(bytes);
        if (line is null
            || line.Moment("time") is not { } time
            || line["id"] is not { } idText || !RequestId.TryParse(idText, out RequestId id)
            || line["action"] is not { } action || !LastRecovery.MeansWords.TryParse(action, out RecoveryMeans means)
            || line["result"] is not { } result || !LastRecovery.EndWords.TryParse(result, out RecoveryEnd end)
            || line.Text("reason") is not { Length: <= LastRecovery.MaxReasonBytes } reason
            || !reason.All(letter => letter is >= ' ' and <= '~'))
        {
            return null;
        }

        return new LastRecovery
        {
            Time = time,
            Id = id,
            Means = means,
            End = end,
            FsckExitCode = (int?)line.Number("fsck", 0, RequestCodec.MaxExitCode),
            Reason = reason,
        };
    }
}
