using System.Runtime.InteropServices;
using HostBridge.Recovery;
using HostBridge.Storage.Judging;
using HostBridge.Storage.Parsing;

namespace HostBridge.Storage;

/// <summary>
/// The child that reads devices: a line of the standard input asks for one block of a device, a line of the standard
/// output answers. Each read has a thread of its own, which may never come back; the others go on. It ends at the end
/// of its input; the kernel keeps what hangs, and nobody waits for that.
/// </summary>
internal static unsafe class DirectReader
{
    /// <summary>The argument that makes this program the child.</summary>
    public const string Verb = "direct-reader";

    private const int BlockBytes = 4096;
    private const int StackBytes = 256 * 1024;

    /// <summary>Serves until the input ends.</summary>
    public static int Run(TextReader input, TextWriter output)
    {
        while (input.ReadLine() is { } line)
        {
            if (ReadRequest.Parse(line) is { } request)
            {
                new Thread(() => Answer(request, output), StackBytes) { IsBackground = true }.Start();
            }
        }

        return 0;
    }

    private static void Answer(ReadRequest request, TextWriter output)
    {
        long start = TimeProvider.System.GetTimestamp();
        (ReadResult result, string reason) = ReadOneBlock(request);
        var answer = new ReadAnswer(request.Device, TimeProvider.System.GetElapsedTime(start), result, reason);
        lock (output)
        {
            try
            {
                output.WriteLine(answer);
                output.Flush();
            }
            catch (IOException)
            {
                // The bridge is gone; the end of the input ends this program too.
            }
        }
    }

    /// <summary>Reads the first block past the page cache.</summary>
    private static (ReadResult Result, string Reason) ReadOneBlock(ReadRequest request)
    {
        string path = DeviceNodes.PathOf(request.Name);
        int file = Libc.Open(path, Libc.OpenReadOnly | Libc.OpenDirect | Libc.OpenCloseOnExec, mode: 0);
        if (file < 0)
        {
            return FailedBy($"{path}: ");
        }

        byte* block = (byte*)NativeMemory.AlignedAlloc(BlockBytes, BlockBytes);
        try
        {
            if (DeviceNodes.NumberOf(file) != request.Device)
            {
                return (ReadResult.NotMade, $"{path} is another device");
            }

            return Libc.Read(file, block, BlockBytes) switch
            {
                < 0 => FailedBy(string.Empty),
                0 => (ReadResult.NotMade, "it has no block"),
                _ => (ReadResult.Read, string.Empty),
            };
        }
        finally
        {
            NativeMemory.AlignedFree(block);
            _ = Libc.Close(file);
        }
    }

    /// <summary>A node that is missing, or must not be opened, says nothing about the disk.</summary>
    private static (ReadResult Result, string Reason) FailedBy(string what)
    {
        int errno = Marshal.GetLastPInvokeError();
        bool isOfTheDisk = errno is not (Libc.NotPermitted or Libc.NoEntry or Libc.NoAccess or Libc.Invalid);
        return (isOfTheDisk ? ReadResult.Failed : ReadResult.NotMade, what + Libc.NameOf(errno));
    }
}
