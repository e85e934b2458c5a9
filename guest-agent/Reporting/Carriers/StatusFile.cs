using System.Text;
using GuestAgent.Linux;
using Mono.Unix.Native;

namespace GuestAgent.Reporting.Carriers;

/// <summary>
/// <c>/run/guest-agent/status</c>: written beside and renamed, so that a reader sees a whole text. The folder lies
/// in a tmpfs; where it does not, the file is not written, because a write to a dying root may never return.
/// </summary>
internal sealed unsafe class StatusFile : IDisposable
{
    private const string Name = "status";

    private readonly string? _folder;

    /// <summary>Makes the folder. <see cref="Trouble"/> says when there will be no file.</summary>
    public StatusFile(string folder)
    {
        try
        {
            _ = Directory.CreateDirectory(folder);
            string type = new DriveInfo(folder).DriveFormat;
            Trouble = type is "tmpfs" or "ramfs"
                ? null
                : $"{folder} lies on {type}, not on a tmpfs: the status file is not written; use --status-directory";
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException or ArgumentException)
        {
            Trouble = $"{folder} cannot be made ({failed.Message}): the status file is not written";
        }

        _folder = Trouble is null ? folder : null;
    }

    /// <summary>Why there is no status file; null when there is one.</summary>
    public string? Trouble { get; }

    /// <summary>Where it lies in a folder.</summary>
    public static string PathIn(string folder) => $"{folder}/{Name}";

    /// <summary>Takes the file away: nobody speaks for the filesystems any more.</summary>
    public void Dispose()
    {
        if (_folder is not null)
        {
            _ = Syscall.unlink(PathIn(_folder));
        }
    }

    /// <summary>Puts a text in place.</summary>
    public void Write(string text)
    {
        if (_folder is null)
        {
            return;
        }

        string beside = $"{PathIn(_folder)}.new";
        const OpenFlags flags = OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_TRUNC | OpenFlags.O_CLOEXEC;
        int file = Syscall.open(beside, flags, FilePermissions.S_IRUSR | FilePermissions.S_IWUSR
            | FilePermissions.S_IRGRP | FilePermissions.S_IROTH);
        if (file < 0)
        {
            return;
        }

        byte[] bytes = Encoding.UTF8.GetBytes(text);
        fixed (byte* start = bytes)
        {
            _ = Syscall.write(file, start, (ulong)bytes.Length);
        }

        _ = Syscall.close(file);
        _ = Stdlib.rename(beside, PathIn(_folder));
    }
}
