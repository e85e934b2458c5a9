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

    /// <summary>To poll for POLLIN.</summary>
    public int FileDescriptor { get; }

    /// <summary>Null where there are none to be had: the poll does without.</summary>
    public static UeventSocket? TryOpen()
    {
        int file = Libc.Socket(
            Libc.NetlinkFamily,
            Libc.SocketDatagram | Libc.SocketNonBlocking | Libc.SocketCloseOnExec,
            Libc.NetlinkKobjectUevent);
        if (file < 0)
        {
            return null;
        }

        var address = new Libc.NetlinkAddress { Family = Libc.NetlinkFamily, Groups = KernelGroup };
        if (Libc.Bind(file, &address, sizeof(Libc.NetlinkAddress)) != 0)
        {
            _ = Libc.Close(file);
            return null;
        }

        return new UeventSocket(file);
    }

    /// <summary>
    /// What the messages that are there now mean to the storage. Messages that were lost, because they came too fast,
    /// are a change too.
    /// </summary>
    public IReadOnlyList<StorageLine> Read()
    {
        var lines = new List<StorageLine>();
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

    public void Dispose() => _ = Libc.Close(FileDescriptor);
}
