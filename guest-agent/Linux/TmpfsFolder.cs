using System.Text;
using Mono.Unix.Native;

namespace GuestAgent.Linux;

/// <summary>
/// The agent's folder in /run. Each file is written beside and renamed, so that a reader sees a whole text and an
/// agent that is killed leaves one. Where the folder lies on no tmpfs nothing is written: a write to a dying root may
/// never return.
/// </summary>
internal sealed unsafe class TmpfsFolder
{
    private readonly string? _folder;

    /// <summary>Makes the folder. <see cref="Trouble"/> says when nothing will be written.</summary>
    public TmpfsFolder(string folder)
    {
        try
        {
            Make(folder);
            string type = new DriveInfo(folder).DriveFormat;
            Trouble = type is not ("tmpfs" or "ramfs")
                ? $"{folder} lies on {type}, not on a tmpfs: the status file is not written; use --status-directory"
                : IsOwn(folder)
                    ? null
                    : $"{folder} is another user's, or others may write in it: the status file is not written; "
                        + "chown it, and chmod it to 755";
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException or ArgumentException)
        {
            Trouble = $"{folder} cannot be made ({failed.Message}): the status file is not written";
        }

        _folder = Trouble is null ? folder : null;
    }

    /// <summary>Why there are no files; null when there are.</summary>
    public string? Trouble { get; }

    /// <summary>
    /// Puts a text in place, for anybody to read. Where it cannot be put there, none is there any more: an old one would
    /// be taken for new.
    /// </summary>
    public void Write(string name, string text)
    {
        if (_folder is null)
        {
            return;
        }

        string beside = $"{_folder}/{name}.new";
        if (!TryWrite(beside, text) || Stdlib.rename(beside, $"{_folder}/{name}") != 0)
        {
            _ = Syscall.unlink(beside);
            Remove(name);
        }
    }

    /// <summary>The text of a file; null when there is none.</summary>
    public string? TryRead(string name) => _folder is null ? null : SmallFile.TryReadText($"{_folder}/{name}");

    /// <summary>Takes a file away.</summary>
    public void Remove(string name)
    {
        if (_folder is not null)
        {
            _ = Syscall.unlink($"{_folder}/{name}");
        }
    }

    private static bool TryWrite(string beside, string text)
    {
        const OpenFlags flags = OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_CLOEXEC;
        _ = Syscall.unlink(beside);
        int file = Syscall.open(beside, flags, FilePermissions.S_IRUSR | FilePermissions.S_IWUSR
            | FilePermissions.S_IRGRP | FilePermissions.S_IROTH);
        if (file < 0)
        {
            return false;
        }

        byte[] bytes = Encoding.UTF8.GetBytes(text);
        long written;
        fixed (byte* start = bytes)
        {
            written = Syscall.write(file, start, (ulong)bytes.Length);
        }

        _ = Syscall.close(file);
        return written == bytes.Length;
    }

    /// <summary>Whoever started the agent may have left it a umask of 0.</summary>
    private static void Make(string folder)
    {
        if (!Directory.Exists(folder))
        {
            _ = Directory.CreateDirectory(folder);
            _ = Syscall.chmod(folder, FilePermissions.S_IRWXU | FilePermissions.S_IRGRP | FilePermissions.S_IXGRP
                | FilePermissions.S_IROTH | FilePermissions.S_IXOTH);
        }
    }

    private static bool IsOwn(string folder)
        => Syscall.stat(folder, out Stat status) == 0
            && status.st_uid == Syscall.geteuid()
            && (status.st_mode & (FilePermissions.S_IWGRP | FilePermissions.S_IWOTH)) == 0;
}
