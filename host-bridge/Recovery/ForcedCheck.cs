using Protocol.Health;

namespace HostBridge.Recovery;

/// <summary>Whether a check can be forced at the next boot, as far as the guest's agent knows.</summary>
internal static class ForcedCheck
{
    /// <summary>
    /// Why a boot does not check a filesystem, for an operator; null where it does, where its type has no check, and where
    /// that is not known.
    /// </summary>
    public static string? WhyNot(FilesystemHealth filesystem)
        => filesystem.BootCheck == BootCheck.NotChecked
            && RecoveryTable.ToFamily(filesystem.FilesystemType) == FilesystemFamily.Ext
                ? filesystem.BootCheckWhy?.ToSentence() ?? "no boot checks it"
                : null;

    /// <summary>What the rung does to a filesystem, in words that follow "would".</summary>
    public static string Verb(Rung rung, FilesystemHealth? filesystem)
        => rung == Rung.Reboot && filesystem is not null && WhyNot(filesystem) is { } why
            ? $"restart it (a check cannot be forced: {why})"
            : RecoveryTurn.Verb(rung);

    /// <summary>The other filesystems that the next boot does not check, for an operator; empty for none.</summary>
    public static string Except(GuestReport report, FilesystemHealth filesystem)
    {
        IEnumerable<string> others = report.Filesystems
            .Where(other => other.MountPoint != filesystem.MountPoint && WhyNot(other) is not null)
            .Select(other => $"{other.MountPoint.Encoded} ({WhyNot(other)})");
        string list = string.Join(", ", others);
        return list.Length == 0 ? string.Empty : $", but not {list}";
    }
}
