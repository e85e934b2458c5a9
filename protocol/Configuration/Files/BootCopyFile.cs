using Mono.Unix.Native;
using Protocol.Health;

namespace Protocol.Configuration.Files;

/// <summary>
/// Keeps a <see cref="BootCopy"/> in a folder of this program on a tmpfs: mode 0600, written beside and renamed. On any
/// other filesystem nothing is kept, as that may be the one that fails.
/// </summary>
/// <param name="folder">The folder; made when it is missing.</param>
/// <param name="folderMode">The mode that it is made with.</param>
/// <param name="name">The name of the file in it.</param>
public sealed class BootCopyFile(string folder, UnixFileMode folderMode, string name)
{
    private const FilePermissions WritableByOthers = FilePermissions.S_IWGRP | FilePermissions.S_IWOTH;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>The path of the file.</summary>
    public string FilePath { get; } = Path.Combine(folder, name);

    /// <summary>Whether the content is kept now. When it is not, no older one is left either.</summary>
    /// <param name="bootId">This boot.</param>
    /// <param name="source">What it was read from.</param>
    /// <param name="content">What was read.</param>
    public bool TryWrite(BootId bootId, string source, ReadOnlySpan<byte> content)
    {
        try
        {
            _ = Directory.CreateDirectory(folder, folderMode);
            if (!IsOwnTmpfs())
            {
                return false;
            }

            if (BootCopy.Write(bootId, source, content) is { } copy)
            {
                Replace(copy);
                return true;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // No room, or no folder: there is no copy.
        }

        _ = Syscall.unlink(FilePath);
        return false;
    }

    /// <summary>The content that was kept in this boot for this source; null when there is none.</summary>
    /// <param name="bootId">This boot.</param>
    /// <param name="source">What is wanted.</param>
    public byte[]? TryRead(BootId bootId, string source)
    {
        if (!IsOwnTmpfs()
            || Syscall.lstat(FilePath, out Stat status) != 0
            || (status.st_mode & FilePermissions.S_IFMT) != FilePermissions.S_IFREG
            || !IsOwn(status)
            || status.st_size > BootCopy.MaxBytes)
        {
            return null;
        }

        byte[] copy = new byte[status.st_size];
        return RawFile.Read(FilePath, copy, out int size) == 0
            ? BootCopy.TryRead(copy.AsSpan(0, size), bootId, source)
            : null;
    }

    private static bool IsOwn(Stat status)
        => status.st_uid == Syscall.geteuid() && (status.st_mode & WritableByOthers) == 0;

    private bool IsOwnTmpfs()
    {
        try
        {
            return Syscall.stat(folder, out Stat status) == 0
                && IsOwn(status)
                && new DriveInfo(folder).DriveFormat is "tmpfs" or "ramfs";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private void Replace(byte[] copy)
    {
        string beside = $"{FilePath}.new";
        _ = Syscall.unlink(beside);
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnly,
        };
        using (var stream = new FileStream(beside, options))
        {
            stream.Write(copy);
        }

        File.Move(beside, FilePath, overwrite: true);
    }
}
