using System.Globalization;
using System.Runtime.InteropServices;
using HostBridge.Storage;

namespace HostBridge.Toolstacks.Steps;

/// <summary>
/// Becomes e2fsck with as little as it needs: in a mount namespace of its own whose /dev holds the one filesystem, as
/// nobody, without capabilities and without a way to get any, without a network where the kernel has namespaces for that,
/// and with a limit of memory. Whatever fails here, e2fsck is not begun.
/// </summary>
internal static unsafe partial class Sandbox
{
    /// <summary>The argument that makes this program the sandbox.</summary>
    public const string Verb = "sandbox";

    /// <summary>It could not be made; e2fsck itself never ends with this.</summary>
    public const int FailedExitCode = 213;

    private const string DevicePath = "/dev/filesystem";

    private const int NewMounts = 0x20000; // CLONE_NEWNS
    private const int NewNetwork = 0x40000000; // CLONE_NEWNET
    private const int NewMessages = 0x08000000; // CLONE_NEWIPC
    private const nuint NoSetUid = 0x2; // MS_NOSUID
    private const nuint NoExecution = 0x8; // MS_NOEXEC
    private const nuint Recursive = 0x4000; // MS_REC
    private const nuint Private = 0x40000; // MS_PRIVATE
    private const uint OwnBlockDevice = 0x6180; // S_IFBLK and 0600
    private const int Nobody = 65534;
    private const int NoNewPrivileges = 38; // PR_SET_NO_NEW_PRIVS
    private const int AddressSpaceLimit = 9; // RLIMIT_AS
    private const int CoreLimit = 4; // RLIMIT_CORE

    /// <summary>Becomes e2fsck; returns only when that failed.</summary>
    /// <param name="arguments">Major and minor of the device, the limit of memory in bytes, the path of e2fsck.</param>
    public static int Run(ReadOnlySpan<string> arguments)
    {
        if (arguments is not [var majorText, var minorText, var memoryText, var program]
            || !int.TryParse(majorText, NumberStyles.None, CultureInfo.InvariantCulture, out int major)
            || !int.TryParse(minorText, NumberStyles.None, CultureInfo.InvariantCulture, out int minor)
            || !ulong.TryParse(memoryText, NumberStyles.None, CultureInfo.InvariantCulture, out ulong memory))
        {
            return Fail("its arguments");
        }

        // The first call of a function may need memory, which there is none of after the limit.
        byte nothing = 0;
        _ = Execute(&nothing, null, null);
        if (Unshare(NewMounts) != 0)
        {
            return Fail("a mount namespace");
        }

        _ = Unshare(NewNetwork);
        _ = Unshare(NewMessages);
        if (Mount("none", "/", "", Recursive | Private, "") != 0
            || Mount("tmpfs", "/dev", "tmpfs", NoSetUid | NoExecution, "mode=0755,size=64k") != 0
            || MakeNode(DevicePath, OwnBlockDevice, MakeNumber((uint)major, (uint)minor)) != 0
            || ChangeOwner(DevicePath, Nobody, Nobody) != 0)
        {
            return Fail("its /dev");
        }

        if (SetGroups(0, null) != 0 || SetGroup(Nobody, Nobody, Nobody) != 0 || SetUser(Nobody, Nobody, Nobody) != 0
            || Control(NoNewPrivileges, 1, 0, 0, 0) != 0)
        {
            return Fail("its privileges");
        }

        return Execute(program, memory);
    }

    private static int Execute(string program, ulong memory)
    {
        nint path = Marshal.StringToCoTaskMemUTF8(program);
        nint* arguments = stackalloc nint[5];
        arguments[0] = Marshal.StringToCoTaskMemUTF8("e2fsck");
        arguments[1] = Marshal.StringToCoTaskMemUTF8("-f");
        arguments[2] = Marshal.StringToCoTaskMemUTF8("-p");
        arguments[3] = Marshal.StringToCoTaskMemUTF8(DevicePath);
        arguments[4] = 0;
        nint* environment = stackalloc nint[3];
        environment[0] = Marshal.StringToCoTaskMemUTF8("LC_ALL=C");
        environment[1] = Marshal.StringToCoTaskMemUTF8("PATH=/usr/sbin:/sbin:/usr/bin:/bin");
        environment[2] = 0;
        ulong* none = stackalloc ulong[2];
        none[0] = none[1] = 0;
        ulong* limit = stackalloc ulong[2];
        limit[0] = limit[1] = memory;
        if (SetLimit(CoreLimit, none) != 0 || SetLimit(AddressSpaceLimit, limit) != 0)
        {
            return Fail("its limits");
        }

        _ = Execute((byte*)path, arguments, environment);

        // Words would need memory, which there may be none of now.
        return FailedExitCode;
    }

    private static int Fail(string what)
    {
        Console.Error.WriteLine($"{what}: {Libc.NameOf(Marshal.GetLastPInvokeError())}");
        return FailedExitCode;
    }

    /// <summary>makedev(3), as Linux takes it.</summary>
    private static ulong MakeNumber(uint major, uint minor)
        => ((ulong)(major & 0xfff) << 8) | (minor & 0xff) | ((ulong)(minor & ~0xffu) << 12) | ((ulong)(major & ~0xfffu) << 32);

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Mount(string source, string target, string type, nuint flags, string options);

    [LibraryImport("libc", EntryPoint = "mknod", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeNode(string path, uint mode, ulong device);

    [LibraryImport("libc", EntryPoint = "chown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeOwner(string path, int user, int group);

    [LibraryImport("libc", EntryPoint = "setgroups", SetLastError = true)]
    private static partial int SetGroups(nuint count, int* groups);

    [LibraryImport("libc", EntryPoint = "setresgid", SetLastError = true)]
    private static partial int SetGroup(int real, int effective, int saved);

    [LibraryImport("libc", EntryPoint = "setresuid", SetLastError = true)]
    private static partial int SetUser(int real, int effective, int saved);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int Control(int option, nuint one, nuint two, nuint three, nuint four);

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    private static partial int SetLimit(int resource, ulong* limit);

    [LibraryImport("libc", EntryPoint = "execve", SetLastError = true)]
    private static partial int Execute(byte* path, nint* arguments, nint* environment);
}
