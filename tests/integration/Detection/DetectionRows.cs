using Protocol.Health;
using Testbed.Agents;
using Testbed.Domains;

namespace Tests.Integration.Detection;

/// <summary>Everything that befalls a filesystem in the matrix.</summary>
internal static class DetectionRows
{
    private const string Continue = "errors=continue";
    private const string RemountReadOnly = "errors=remount-ro";

    /// <summary>ext3 and ext4, under each policy for errors; one agent watches the rows of one of these.</summary>
    public static IReadOnlyList<string> ExtendedFilesystems { get; } =
        [$"ext3 {Continue}", $"ext3 {RemountReadOnly}", $"ext4 {Continue}", $"ext4 {RemountReadOnly}"];

    /// <summary>What befalls each of them.</summary>
    public static IReadOnlyList<string> ExtendedFaults { get; } =
        [.. Extended("ext4", Continue).Select(row => row.Fault)];

    /// <summary>The rows of xfs and btrfs; one agent watches them all.</summary>
    public static IReadOnlyList<DetectionRow> Others { get; } = [.. Xfs(), .. Btrfs()];

    /// <summary>The rows that one agent watches together with this one, itself included.</summary>
    public static IReadOnlyList<DetectionRow> Together(string filesystem)
        => ExtendedFilesystems.Contains(filesystem)
            ? Extended(filesystem.Split(' ')[0], filesystem.Split(' ')[1])
            : Others;

    private static DetectionRow[] Extended(string type, string policy)
        => [.. Errors().Concat(Hangs()).Concat(Wishes()).Concat(Limits())
            .Append(ErrorTriggered(isContinue: policy == Continue))
            .Append(ShutDown())
            .Append(Immutable())
            .Select(row => row with { Type = type, Options = policy })
            .OrderBy(row => row.Fault, StringComparer.Ordinal)];

    private static DetectionRow ErrorTriggered(bool isContinue) => Row(
        "the kernel meets an error (trigger_fs_error)",
        one => one.ShellAsync("echo test >\"/sys/fs/ext4/$2/trigger_fs_error\""),
        isContinue
            ? new(Verdict.ErrorsRecorded, Hidden: false, "probe:ok", "errors-count")
            : new(Verdict.JournalAborted, Hidden: true, "probe", "kernel-line:aborting-journal", "errors-count"),
        one => one.RepairAsync());

    private static DetectionRow ShutDown() => Row(
        "shut down by ioctl",
        one => one.ShellAsync("xfs_io -x -c shutdown \"$1\""),
        new(Verdict.ShutDown, Hidden: true, "probe", "kernel-line:shut-down"),
        one => one.MountAgainAsync());

    /// <summary>The file that is there can still be written, so it goes first; the agent may make it again meanwhile.</summary>
    private static DetectionRow Immutable() => Row(
        "the top folder is immutable (chattr +i)",
        one => one.ShellAsync(
            "while rm -f \"$1/.guest-agent-probe\"; chattr +i \"$1\"; [ -e \"$1/.guest-agent-probe\" ]; "
            + "do chattr -i \"$1\"; done"),
        new(Verdict.Unknown, Hidden: false, "probe-refused:EPERM"),
        one => one.ShellAsync("chattr -i \"$1\""));

    private static IEnumerable<DetectionRow> Errors()
    {
        Expectation aborted = new(Verdict.JournalAborted, Hidden: true, "probe", "kernel-line:aborting-journal");
        yield return Row(
            "EIO on writes", one => one.Disk.SetModeAsync(FaultMode.FailWrites), aborted, one => one.RepairAsync());
        yield return Row(
            "EIO on flushes", one => one.Disk.SetModeAsync(FaultMode.FailFlushes), aborted, one => one.RepairAsync());
        // It writes as long as what the probe needs stays in the page cache.
        yield return Row(
            "EIO on reads",
            async one =>
            {
                await one.Disk.SetModeAsync(FaultMode.FailReads);
                one.ReadOnAndOn();
            },
            new(Verdict.Writable, Hidden: false, "probe:ok", "read-errors"),
            async one =>
            {
                await one.StopReadingAsync();
                await one.MountAgainAsync();
            });
    }

    private static IEnumerable<DetectionRow> Hangs()
    {
        Expectation hung = new(Verdict.Hung, Hidden: true, "probe-outstanding", "inflight", "completions-frozen");
        yield return Row(
            "the disk answers nothing, later all",
            one => one.Disk.SetModeAsync(FaultMode.BlockAll), hung, one => one.Disk.SetModeAsync(FaultMode.Pass));
        yield return Row(
            "the disk answers no write, reads go on",
            async one =>
            {
                await one.Disk.SetModeAsync(FaultMode.BlockWrites);
                one.ReadOnAndOn();
            },
            hung,
            async one =>
            {
                await one.StopReadingAsync();
                await one.Disk.SetModeAsync(FaultMode.Pass);
            });
        yield return Row(
            "frozen (FIFREEZE)", one => one.FreezeAsync(),
            new(Verdict.Frozen, Hidden: false, "probe-outstanding", "freeze-wait"),
            one => one.ThawAsync());
    }

    private static IEnumerable<DetectionRow> Wishes()
    {
        Expectation byDesign = new(Verdict.ReadOnlyByDesign, Hidden: false, "probe:EROFS", "administrator-remount");
        // Nothing speaks of an error, and nobody wrote it down: by design, and a warning.
        Expectation sinceBoot = new(Verdict.ReadOnlyByDesign, Hidden: false, "probe:EROFS", "mount-option");
        yield return Row(
            "an administrator's remount,ro", one => one.RemountAsync("ro"), byDesign, one => one.RemountAsync("rw"))
            with { ExpectedLater = sinceBoot };
        yield return Row(
            "an administrator's remount,bind,ro",
            one => one.RemountAsync("bind,ro"), byDesign, one => one.RemountAsync("bind,rw"))
            with { ExpectedLater = sinceBoot };
        // Of a write through a filesystem that was mounted before the kernel only warns (block/blk-core.c).
        yield return Row(
            "the device set read-only (blockdev --setro)",
            one => one.ShellAsync("blockdev --setro \"/dev/$2\""),
            new(Verdict.Writable, Hidden: false, "probe:ok", "device-read-only"),
            one => one.ShellAsync("blockdev --setrw \"/dev/$2\""));
    }

    private static IEnumerable<DetectionRow> Limits()
    {
        yield return Row(
            "disk full",
            one => one.ShellAsync("! dd if=/dev/zero of=\"$1/filling\" bs=64k 2>&1"),
            new(Verdict.Full, Hidden: false, "probe:ok", "bytes-free"),
            one => one.ShellAsync("rm \"$1/filling\""));
        yield return Row(
            "inodes exhausted",
            one => one.ShellAsync("i=0; while true 2>&- >\"$1/filling-$i\"; do i=$((i + 1)); done"),
            new(Verdict.Full, Hidden: false, "probe:ok", "inodes-free"),
            one => one.ShellAsync("rm \"$1\"/filling-*"));
    }

    private static IEnumerable<DetectionRow> Xfs()
    {
        Expectation shutDown = new(Verdict.ShutDown, Hidden: true, "probe", "kernel-line:shut-down");
        yield return Row(
            "shut down (xfs_io -x -c shutdown)",
            one => one.ShellAsync("xfs_io -x -c shutdown \"$1\""), shutDown, one => one.MountAgainAsync())
            with { Type = "xfs" };
        yield return Row(
            "EIO on everything while a program writes", DieAsync, shutDown, one => one.MountAgainAsync())
            with { Type = "xfs" };
    }

    private static IEnumerable<DetectionRow> Btrfs()
    {
        Expectation forced = new(Verdict.ShutDown, Hidden: false, "probe", "mount-option:ro");
        yield return Row(
            "EIO on everything while a program writes", DieAsync, forced, one => one.MountAgainAsync())
            with { Type = "btrfs" };
        yield return Row(
            "forced read-only by writes that failed once",
            async one =>
            {
                await DieAsync(one);
                await one.Disk.SetModeAsync(FaultMode.Pass);
            },
            forced, one => one.MountAgainAsync())
            with { Type = "btrfs" };
        foreach (DetectionRow row in Snapshots())
        {
            yield return row with { Type = "btrfs" };
        }
    }

    /// <summary>Read-only by a property of the subvolume: the mount table says rw.</summary>
    private static IEnumerable<DetectionRow> Snapshots()
    {
        Expectation byDesign = new(Verdict.ReadOnlyByDesign, Hidden: false, "probe:EROFS");
        const string snapshot = "btrfs -q subvolume snapshot -r \"$1\" \"$1/snapshot\"";
        const string unmount = "for i in $(seq 100); do umount \"$1\" && break; sleep 0.1; done";
        yield return Row(
            "a read-only snapshot is mounted in its place",
            one => one.ShellAsync($"{snapshot}; {unmount}; mount -o subvol=snapshot \"/dev/$2\" \"$1\""),
            byDesign, one => one.MountAgainAsync());
        yield return Row(
            "a read-only snapshot is mounted ro, then remounted rw",
            one => one.ShellAsync(
                $"{snapshot}; {unmount}; mount -o ro,subvol=snapshot \"/dev/$2\" \"$1\"; mount -o remount,rw \"$1\""),
            byDesign, one => one.MountAgainAsync());
        yield return Row(
            "a subvolume is mounted in its place and set read-only",
            one => one.ShellAsync(
                $"btrfs -q subvolume create \"$1/part\"; {unmount}; mount -o subvol=part \"/dev/$2\" \"$1\"; "
                + "btrfs property set -ts \"$1\" ro true"),
            byDesign, one => one.MountAgainAsync());
        yield return Row(
            "a read-only subvolume lies in it",
            one => one.ShellAsync("btrfs -q subvolume create \"$1/part\"; btrfs property set -ts \"$1/part\" ro true"),
            new(Verdict.Writable, Hidden: false, "probe:ok"),
            one => one.ShellAsync("btrfs -q subvolume delete \"$1/part\""));
        // Of two mounts of one filesystem the writable one is probed, whatever stands first in the table.
        yield return Row(
            "a read-only snapshot is mounted in its place, and a writable subvolume beside it",
            one => one.ShellAsync(
                $"{snapshot}; btrfs -q subvolume create \"$1/part\"; mkdir \"$1-part\"; {unmount}; "
                + "mount -o subvol=snapshot \"/dev/$2\" \"$1\"; mount -o subvol=part \"/dev/$2\" \"$1-part\""),
            new(Verdict.Writable, Hidden: false, "probe:ok"),
            async one =>
            {
                await one.ShellAsync("for i in $(seq 100); do umount \"$1-part\" && break; sleep 0.1; done");
                await one.MountAgainAsync();
            });
    }

    /// <summary>
    /// xfs and btrfs give up when they cannot write their own records, which without a sync they try every 30 s.
    /// </summary>
    private static async Task DieAsync(FaultyFilesystem one)
    {
        await one.Disk.SetModeAsync(FaultMode.FailAll);
        await one.ShellAsync("touch \"$1/new-file\"; ! sync --file-system \"$1\"");
    }

    private static DetectionRow Row(
        string fault, Func<FaultyFilesystem, Task> breaks, Expectation expected, Func<FaultyFilesystem, Task> mend)
        => new()
        {
            Type = string.Empty, Options = "defaults", Fault = fault, Break = breaks, Expected = expected, Mend = mend,
        };
}
