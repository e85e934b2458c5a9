using Protocol.Health;

namespace HostBridge.Recovery;

/// <summary>
/// What is to be done about one filesystem: the rungs of the ladder, and the two ways of doing nothing.
/// </summary>
internal enum Rung
{
    /// <summary>Nothing is wrong, or nothing that may be acted on.</summary>
    Nothing = 0,

    /// <summary>Wait: for the storage, or for a hang to end by itself.</summary>
    Wait,

    /// <summary>Ask the guest to mount it read-write again.</summary>
    Remount,

    /// <summary>Ask the guest to unmount, check and mount it.</summary>
    Repair,

    /// <summary>Have a check forced at the next boot, and ask the guest to restart.</summary>
    Reboot,

    /// <summary>
    /// Destroy the domain whose old boot refuses to end, check its disks where the policy says so, and create it again.
    /// No verdict leads here, only a restart that did not happen.
    /// </summary>
    Recreate,

    /// <summary>A person is needed.</summary>
    Operator,
}

/// <summary>The sorts of filesystems that are recovered in different ways.</summary>
internal enum FilesystemFamily
{
    /// <summary>None of those below; nothing is known of how to check it.</summary>
    Other = 0,

    /// <summary>ext2, ext3 and ext4: e2fsck.</summary>
    Ext,

    /// <summary>xfs: replays its log when mounted, has no check at boot.</summary>
    Xfs,

    /// <summary>btrfs: has no check at boot.</summary>
    Btrfs,
}

/// <summary>
/// Verdict × filesystem × role × storage → rung. The same table stands in RECOVERY.md, and a test compares the two.
/// </summary>
internal static class RecoveryTable
{
    /// <summary>The family of a type in the mount table.</summary>
    public static FilesystemFamily ToFamily(string filesystemType) => filesystemType switch
    {
        "ext2" or "ext3" or "ext4" => FilesystemFamily.Ext,
        "xfs" => FilesystemFamily.Xfs,
        "btrfs" => FilesystemFamily.Btrfs,
        _ => FilesystemFamily.Other,
    };

    /// <summary>What is to be done.</summary>
    public static Rung Decide(Verdict verdict, FilesystemFamily family, FilesystemRole role, bool storageOpen)
        => verdict switch
        {
            Verdict.Unknown or Verdict.Writable or Verdict.ReadOnlyByDesign or Verdict.Full or Verdict.Frozen
                or Verdict.Slow => Rung.Nothing,
            _ when !storageOpen => Rung.Wait,
            Verdict.Hung => Rung.Wait,
            Verdict.ErrorsRecorded or Verdict.FlushDisabled or Verdict.DeviceFailing => Rung.Operator,
            Verdict.RemountedReadOnly when family != FilesystemFamily.Other => Rung.Remount,
            _ => Heavier(family, role),
        };

    /// <summary>What is to be done where a remount cannot help, or did not.</summary>
    public static Rung Heavier(FilesystemFamily family, FilesystemRole role) => (family, role) switch
    {
        (FilesystemFamily.Other, _) => Rung.Operator,
        (_, FilesystemRole.Root) => Rung.Reboot,
        (FilesystemFamily.Ext, FilesystemRole.Data) => Rung.Repair,
        _ => Rung.Operator,
    };
}
