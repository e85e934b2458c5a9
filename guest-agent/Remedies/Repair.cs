using System.Text;
using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Requests;
using GuestAgent.Signals.Parsing;
using Mono.Unix.Native;
using Protocol.Health;

namespace GuestAgent.Remedies;

/// <summary>
/// A data filesystem is unmounted (never lazily, nobody is killed), proved to be gone, checked, and mounted with the
/// options it had. Where a step fails the rest is not tried.
/// </summary>
internal sealed unsafe class Repair(PathRoot paths, MountEntry mount, string deviceName)
{
    private const int UnmountNoFollow = 8; // UMOUNT_NOFOLLOW
    private const int GoneAttempts = 50;
    private const int GoneIntervalMs = 100;
    private const int FirstFatalExitCode = 4; // e2fsck(8): errors left uncorrected, and everything worse
    private const int TailBytes = 160;

    private static readonly string[] Checkers = ["/sbin/e2fsck", "/usr/sbin/e2fsck"];

    private int? _exitCode;

    public RemedyResult Run()
    {
        string? device = FindDevice();
        string? checker = Checkers.FirstOrDefault(File.Exists);
        if (device is null || checker is null)
        {
            string missing = device is null ? $"no node in /dev for {mount.Device}" : "e2fsck is not installed";
            return Failed(OutcomeReason.NotLegitimate, missing);
        }

        using MountFolder? folder = MountFolder.TryFind(mount.MountPoint);
        return folder is null
            ? Failed(OutcomeReason.NotLegitimate, MountFolder.NotSafe)
            : Unmount(folder) ?? ProveGone(folder, device) ?? Check(checker, device) ?? MountAgain(folder, device);
    }

    private RemedyResult? Unmount(MountFolder folder)
    {
        if (OtherMountPoint() is { } other)
        {
            return Failed(OutcomeReason.InUse, $"also mounted at {other}");
        }

        fixed (byte* target = (byte[])[.. folder.PathToUnmount(), 0])
        {
            if (Libc.Unmount(target, UnmountNoFollow) == 0)
            {
                return null;
            }
        }

        return LastErrno.Name == "EBUSY"
            ? Failed(OutcomeReason.InUse, Holders.Describe(paths, mount.MountPoint))
            : Failed(OutcomeReason.UnmountFailed, LastErrno.Name);
    }

    /// <summary>
    /// Unmounted here may still be mounted elsewhere (another mount namespace). The kernel has let go of it when its
    /// folder in sysfs is gone and the device can be opened exclusively.
    /// </summary>
    private RemedyResult? ProveGone(MountFolder folder, string device)
    {
        for (int attempt = 0; attempt < GoneAttempts; attempt++)
        {
            if (!Directory.Exists(paths.Sys($"fs/ext4/{deviceName}")) && CanOpenExclusively(device))
            {
                return null;
            }

            _ = Libc.Poll(null, 0, GoneIntervalMs);
        }

        // Where it was, it served reads at least.
        _ = MountAgain(folder, device);
        return Failed(OutcomeReason.StillMounted, "another mount namespace holds it");
    }

    private RemedyResult? Check(string checker, string device)
    {
        using ChildProcess check = ChildProcess.Start(checker, "-f", "-p", device);
        check.CloseInput();
        string tail = ReadToEnd(check);
        _exitCode = check.WaitForExit();
        return _exitCode < FirstFatalExitCode
            ? null
            : Failed(OutcomeReason.CheckFailed, $"e2fsck exit code {_exitCode}, left unmounted: {tail}");
    }

    private RemedyResult MountAgain(MountFolder folder, string device)
    {
        byte[] source = Encoding.UTF8.GetBytes(device);
        string? error = MountCall.Run(source, mount, folder, MountCall.FlagsOf(mount), MountCall.DataOf(mount));
        return error is null
            ? new RemedyResult(OutcomeReason.None, string.Empty, _exitCode)
            : Failed(OutcomeReason.MountFailed, error);
    }

    private string? FindDevice()
    {
        string source = Encoding.UTF8.GetString(mount.Source.ToBytes());
        string[] candidates =
            [source, paths.Dev(deviceName.Replace('!', '/')), paths.Dev($"block/{mount.Device}")];
        return candidates.FirstOrDefault(path => path.StartsWith('/')
            && Syscall.stat(path, out Stat status) == 0
            && (status.st_mode & FilePermissions.S_IFMT) == FilePermissions.S_IFBLK
            && DeviceNumbers.Of(status.st_rdev) == mount.Device);
    }

    private MountPoint? OtherMountPoint()
    {
        byte[] table = File.ReadAllBytes(paths.Proc("self/mountinfo"));
        MountEntry? other = MountInfoParser.Parse(table)
            .FirstOrDefault(one => one.Device == mount.Device && one.MountPoint != mount.MountPoint);
        return other?.MountPoint;
    }

    private static bool CanOpenExclusively(string device)
    {
        int file = Syscall.open(device, OpenFlags.O_RDWR | OpenFlags.O_EXCL | OpenFlags.O_CLOEXEC);
        if (file < 0)
        {
            return false;
        }

        _ = Syscall.close(file);
        return true;
    }

    private static string ReadToEnd(ChildProcess process)
    {
        var tail = new List<byte>();
        byte* buffer = stackalloc byte[1024];
        var entry = new Libc.PollEntry { FileDescriptor = process.Output, Events = PollSet.In };
        while (true)
        {
            _ = Libc.Poll(&entry, 1, timeoutMs: -1);
            long size = Syscall.read(process.Output, buffer, 1024);
            if (size == 0 || (size < 0 && !LastErrno.IsForNow))
            {
                return Encoding.Latin1.GetString([.. tail]).ReplaceLineEndings(" ").Trim();
            }

            tail.AddRange(new ReadOnlySpan<byte>(buffer, (int)Math.Max(size, 0)));
            tail.RemoveRange(0, Math.Max(0, tail.Count - TailBytes));
        }
    }

    private RemedyResult Failed(OutcomeReason reason, string detail) => new(reason, detail, _exitCode);
}
