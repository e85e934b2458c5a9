using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using HostBridge.Storage;
using Microsoft.Win32.SafeHandles;

namespace HostBridge.Toolstacks.Steps;

/// <summary>
/// A loop device over a part of a claimed disk (loop(4)): whoever is given it alone can touch no byte beside that part,
/// and may claim it (O_EXCL) as e2fsck does, while the claim of the disk itself stands. The kernel detaches it when the
/// last user closes it, also when this process is killed, and keeps the disk claimed until then.
/// </summary>
internal sealed partial class BoundLoop : IDisposable
{
    private const int ReadWrite = 2;

    // linux/loop.h
    private const nuint SetFile = 0x4c00;
    private const nuint SetStatus = 0x4c04;
    private const nuint Configure = 0x4c0a;
    private const nuint GetFree = 0x4c82;
    private const uint AutoClear = 4;
    private const uint DirectIo = 16;
    private const int ConfigurationBytes = 304;
    private const int BlockSizeOffset = 4;
    private const int StatusOffset = 8;
    private const int StartOffset = StatusOffset + 24;
    private const int SizeLimitOffset = StatusOffset + 32;
    private const int FlagsOffset = StatusOffset + 52;

    private const int NoSuchCall = 25; // ENOTTY
    private const int Busy = 16; // EBUSY
    private const int MaxAttempts = 32;
    private const int DetachLooks = 50;

    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(100);

    private readonly SafeFileHandle _loop;

    private BoundLoop(int minor, SafeFileHandle loop)
    {
        Minor = minor;
        _loop = loop;
    }

    /// <summary>The major number of loop devices.</summary>
    public const int Major = 7;

    /// <summary>Its minor number.</summary>
    public int Minor { get; }

    /// <summary>Why there are no loop devices; null when there are.</summary>
    public static string? WhyNot()
        => File.Exists("/dev/loop-control")
            ? null
            : "this host has no loop devices (/dev/loop-control); load the module: modprobe loop";

    /// <summary>Attaches a part of a disk.</summary>
    /// <exception cref="IOException">The kernel refuses.</exception>
    public static unsafe BoundLoop Attach(SafeFileHandle disk, long offset, long length, int blockBytes)
    {
        using SafeFileHandle control = Open("/dev/loop-control");
        for (int attempt = 1; ; attempt++)
        {
            int minor = Control(control, GetFree, null);
            if (minor < 0)
            {
                throw Failure("/dev/loop-control");
            }

            string path = string.Create(CultureInfo.InvariantCulture, $"/dev/loop{minor}");
            SafeFileHandle loop = Open(path);
            if (TryConfigure(loop, disk, offset, length, blockBytes))
            {
                return new BoundLoop(minor, loop);
            }

            int errno = Marshal.GetLastPInvokeError();
            loop.Dispose();
            if (errno != Busy || attempt == MaxAttempts)
            {
                throw new IOException($"{path}: {Libc.NameOf(errno)}");
            }
        }
    }

    /// <summary>Lets go of it, and waits a moment until the kernel has detached it.</summary>
    public async Task DetachAsync()
    {
        _loop.Dispose();
        string backing = string.Create(CultureInfo.InvariantCulture, $"/sys/block/loop{Minor}/loop/backing_file");
        for (int look = 0; look < DetachLooks && File.Exists(backing); look++)
        {
            await Task.Delay(LookInterval).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _loop.Dispose();

    private static unsafe bool TryConfigure(SafeFileHandle loop, SafeFileHandle disk, long offset, long length, int blockBytes)
    {
        byte[] configuration = new byte[ConfigurationBytes];
        BinaryPrimitives.WriteInt32LittleEndian(configuration, (int)disk.DangerousGetHandle());
        BinaryPrimitives.WriteInt32LittleEndian(configuration.AsSpan(BlockSizeOffset), blockBytes);
        BinaryPrimitives.WriteInt64LittleEndian(configuration.AsSpan(StartOffset), offset);
        BinaryPrimitives.WriteInt64LittleEndian(configuration.AsSpan(SizeLimitOffset), length);
        BinaryPrimitives.WriteUInt32LittleEndian(configuration.AsSpan(FlagsOffset), AutoClear | DirectIo);
        fixed (byte* start = configuration)
        {
            if (Control(loop, Configure, start) == 0)
            {
                return true;
            }

            // Before Linux 5.8 it takes two calls, and always goes through the page cache.
            if (Marshal.GetLastPInvokeError() is not (NoSuchCall or Libc.Invalid)
                || Control(loop, SetFile, (void*)disk.DangerousGetHandle()) != 0)
            {
                return false;
            }

            BinaryPrimitives.WriteUInt32LittleEndian(configuration.AsSpan(FlagsOffset), AutoClear);
            return Control(loop, SetStatus, start + StatusOffset) == 0;
        }
    }

    private static SafeFileHandle Open(string path)
        => Libc.Open(path, ReadWrite | Libc.OpenCloseOnExec, mode: 0) is var file && file >= 0
            ? new SafeFileHandle(file, ownsHandle: true)
            : throw Failure(path);

    private static IOException Failure(string what) => new($"{what}: {Libc.NameOf(Marshal.GetLastPInvokeError())}");

    private static unsafe int Control(SafeFileHandle file, nuint request, void* argument)
        => Control((int)file.DangerousGetHandle(), request, argument);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static unsafe partial int Control(int file, nuint request, void* argument);
}
