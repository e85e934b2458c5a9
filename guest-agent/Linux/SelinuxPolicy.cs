using System.Globalization;
using System.Text;
using Mono.Unix.Native;

namespace GuestAgent.Linux;

/// <summary>
/// Asks the loaded policy of SELinux beforehand: an attempt that it denies would be a line in the audit log each time.
/// </summary>
internal static unsafe class SelinuxPolicy
{
    private const int MaxContextBytes = 4096;
    private static readonly byte[] AttributeName = SmallFile.Bytes("security.selinux");

    /// <summary>
    /// Whether this process may mark the filesystem of a folder with fanotify (permission <c>watch_sb</c>, Linux 5.4).
    /// Debian 12's policy allows that on <c>/</c> to nobody.
    /// </summary>
    /// <param name="paths">Where /proc and /sys are.</param>
    /// <param name="folder">The path, as bytes.</param>
    /// <returns>True also where there is no SELinux, and where it cannot be asked.</returns>
    public static bool MayWatchFilesystem(PathRoot paths, byte[] folder)
    {
        if (SmallFile.TryReadText(paths.Sys("fs/selinux/class/dir/index")) is not { } index
            || SmallFile.TryReadText(paths.Sys("fs/selinux/class/dir/perms/watch_sb")) is not { } permission
            || SecurityContext.Current(paths) is not { } source
            || ContextOf(folder) is not { } target
            || !int.TryParse(permission, NumberStyles.None, CultureInfo.InvariantCulture, out int bit))
        {
            return true;
        }

        // security/selinux/selinuxfs.c, sel_write_access: "source target class", answered by "allowed decided …" in hex.
        return Ask(paths.Sys("fs/selinux/access"), $"{source} {target} {index}") is not { } answer
            || Allows(answer, bit);
    }

    /// <summary>Whether an answer of <c>/sys/fs/selinux/access</c> has a permission's bit, counted from 1.</summary>
    internal static bool Allows(string answer, int bit)
        => !uint.TryParse(
                answer.Split(' ')[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint allowed)
            || bit is < 1 or > 32
            || (allowed & (1u << (bit - 1))) != 0;

    private static string? ContextOf(byte[] path)
    {
        byte* value = stackalloc byte[MaxContextBytes];
        fixed (byte* start = (byte[])[.. path, 0])
        fixed (byte* name = AttributeName)
        {
            long size = Libc.ExtendedAttribute(start, name, value, MaxContextBytes);
            return size > 0 ? Encoding.ASCII.GetString(value, (int)size).TrimEnd('\0') : null;
        }
    }

    private static string? Ask(string path, string question)
    {
        int file;
        fixed (byte* bytes = SmallFile.Bytes(path))
        {
            file = Libc.OpenAt(Libc.CurrentDirectory, bytes, Libc.OpenReadWrite | Libc.OpenCloseOnExec, mode: 0);
        }

        if (file < 0)
        {
            return null;
        }

        byte[] asked = Encoding.ASCII.GetBytes(question);
        byte* answer = stackalloc byte[MaxContextBytes];
        long size;
        fixed (byte* start = asked)
        {
            size = Syscall.write(file, start, (ulong)asked.Length) == asked.Length
                ? Syscall.read(file, answer, MaxContextBytes)
                : -1;
        }

        _ = Syscall.close(file);
        return size > 0 ? Encoding.ASCII.GetString(answer, (int)size) : null;
    }
}
