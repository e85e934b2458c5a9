using System.Runtime.InteropServices;
using HostBridge.Storage.Judging;
using HostBridge.Storage.Parsing;

namespace HostBridge.Storage;

/// <summary>The kernel's own uevents, before udev has seen them.</summary>
internal sealed unsafe class UeventSocket : IDisposable
{
    private const int MessageBytes = 8192;
    private const int MessagesPerTurn = 4096;
    private const uint KernelGroup = 1; // 2 is what udev sends on

    private readonly byte[] _message = new byte[MessageBytes];

    private UeventSocket(int fileDescriptor) => FileDescriptor = fileDescriptor;

    /// <summary>To poll for POLLIN; −1, which poll(2) passes over, while it cannot be read.</summary>
    public int FileDescriptor { get; private set; }

    /// <summary>Why they are not read any more, for a person; null while they are.</summary>
    public string? Trouble { get; private set; }

    /// <summary>Null where there are none to be had: the poll does without.</summary>
    public static UeventSocket? TryOpen() => Open() is >= 0 and var file ? new UeventSocket(file) : null;

    /// <summary>Opens it again where it could not be read any more.</summary>
    public void TryReopen()
    {
        if (Trouble is not null && Open() is >= 0 and var file)
        {
            (FileDescriptor, Trouble) = (file, null);
        }
    }

    /// <summary>
    /// What the messages that are there now mean to the storage. Messages that were lost, because they came too fast,
    /// are a change too.
    /// </summary>
    public IReadOnlyList<StorageLine> Read()
    {
        var lines = new List<StorageLine>();
        if (FileDescriptor < 0)
        {
            return lines;
        }

        fixed (byte* start = _message)
        {
            for (int i = 0; i < MessagesPerTurn; i++)
            {
                Libc.NetlinkAddress sender;
                int senderSize = sizeof(Libc.NetlinkAddress);
                nint size = Libc.ReceiveFrom(FileDescriptor, start, MessageBytes, 0, &sender, &senderSize);
                if (size < 0 && Marshal.GetLastPInvokeError() == Libc.NoBuffers)
                {
                    lines.Add(new StorageLine(StorageLineKind.Change, [], "uevents were lost"));
                    continue;
                }

                if (size < 0 && Marshal.GetLastPInvokeError() is var errno and not (Libc.TryAgain or Libc.Interrupted))
                {
                    // It would be readable for ever.
                    Trouble = $"uevents cannot be read any more ({Libc.NameOf(errno)})";
                    Dispose();
                }

                if (size <= 0)
                {
                    break;
                }

                // Only the kernel has no process id.
                if (sender.ProcessId == 0 && Uevents.Understand(_message.AsSpan(0, (int)size)) is { } line)
                {
                    lines.Add(line);
                }
            }
        }

        return lines;
    }

    public void Dispose()
    {
        if (FileDescriptor >= 0)
        {
            _ = Libc.Close(FileDescriptor);
            FileDescriptor = -1;
        }
    }

    /// <summary>A socket that hears the kernel; −1 where there is none.</summary>
    private static int Open()
    {
        int file = Libc.Socket(
            Libc.NetlinkFamily,
            Libc.SocketDatagram | Libc.SocketNonBlocking | Libc.SocketCloseOnExec,
            Libc.NetlinkKobjectUevent);
        var address = new Libc.NetlinkAddress { Family = Libc.NetlinkFamily, Groups = KernelGroup };
        if (file < 0 || Libc.Bind(file, &address, sizeof(Libc.NetlinkAddress)) == 0)
        {
            return file;
        }

        _ = Libc.Close(file);
        return -1;
    }
}
