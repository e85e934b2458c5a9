using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Testbed.Linux;

/// <summary>The few system calls that .NET does not offer. Each throws with the errno's text when it fails.</summary>
internal static partial class LinuxCalls
{
    internal const int ReadOnly = 0;
    internal const int ReadWrite = 2;
    internal const int Exclusive = 0x80;
    internal const int NonBlocking = 0x800;
    internal const int CloseOnExec = 0x80000;

    internal const int SigKill = 9;
    internal const int SigTerm = 15;

    /// <summary>Nothing to read now.</summary>
    internal const int EAgain = 11;

    /// <summary>In use.</summary>
    internal const int EBusy = 16;

    /// <summary>What was to be read next in the kernel log has been overwritten.</summary>
    internal const int EPipe = 32;

    /// <summary>Opens a path, never inherited by a child; the caller disposes the descriptor.</summary>
    internal static Descriptor Open(string path, int flags)
    {
        int number = NativeOpen(path, flags | CloseOnExec);
        return number >= 0 ? new Descriptor(number) : throw Failed($"open {path}");
    }

    /// <summary>mount --bind, without a process for it: two thousand take seconds on a busy machine, not minutes.</summary>
    internal static void BindMount(string from, string to)
    {
        const nuint bind = 4096; // MS_BIND, sys/mount.h
        if (NativeMount(from, to, 0, bind, 0) != 0)
        {
            throw Failed($"mount --bind {from} {to}");
        }
    }

    /// <summary>An ioctl with a number as its argument, or none; its result.</summary>
    internal static int Control(Descriptor descriptor, uint request, nint argument = 0)
    {
        int result = NativeControl(descriptor.Number, request, argument);
        return result >= 0 ? result : throw Failed($"ioctl 0x{request:x}");
    }

    /// <summary>An ioctl that reads a structure.</summary>
    internal static unsafe int Control(Descriptor descriptor, uint request, ReadOnlySpan<byte> structure)
    {
        fixed (byte* bytes = structure)
        {
            return Control(descriptor, request, (nint)bytes);
        }
    }

    /// <summary>Reads; the count, or the negative errno.</summary>
    internal static int Read(Descriptor descriptor, Span<byte> buffer)
    {
        nint count = NativeRead(descriptor.Number, buffer, (nuint)buffer.Length);
        return count >= 0 ? (int)count : -Marshal.GetLastPInvokeError();
    }

    /// <summary>Goes to the end.</summary>
    internal static void SeekToEnd(Descriptor descriptor)
    {
        const int SeekEnd = 2;
        if (NativeSeek(descriptor.Number, 0, SeekEnd) < 0)
        {
            throw Failed("lseek");
        }
    }

    /// <summary>Makes a file or a folder durable.</summary>
    internal static void Synchronise(string path)
    {
        using Descriptor descriptor = Open(path, ReadOnly);
        if (NativeSynchronise(descriptor.Number) != 0)
        {
            throw Failed($"fsync {path}");
        }
    }

    /// <summary>Sends a signal; a process that has gone already is no error.</summary>
    internal static void Signal(int processId, int signal)
    {
        const int ESrch = 3;
        if (NativeKill(processId, signal) != 0 && Marshal.GetLastPInvokeError() != ESrch)
        {
            throw Failed($"kill {processId}");
        }
    }

    private static IOException Failed(string what)
    {
        int errno = Marshal.GetLastPInvokeError();
        return new IOException($"{what}: {new Win32Exception(errno).Message}") { HResult = errno };
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int NativeOpen(string path, int flags);

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int NativeMount(string from, string to, nint type, nuint flags, nint data);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int NativeControl(int descriptor, nuint request, nint argument);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint NativeRead(int descriptor, Span<byte> buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial long NativeSeek(int descriptor, long offset, int whence);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int NativeSynchronise(int descriptor);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int NativeKill(int processId, int signal);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int NativeClose(int descriptor);

    /// <summary>An open file descriptor.</summary>
    internal sealed class Descriptor(int number) : IDisposable
    {
        private int _number = number;

        internal int Number => _number >= 0 ? _number : throw new ObjectDisposedException(nameof(Descriptor));

        public void Dispose()
        {
            int number = Interlocked.Exchange(ref _number, -1);
            if (number >= 0)
            {
                _ = NativeClose(number);
            }
        }
    }
}
