using Mono.Unix.Native;

namespace Protocol.Xenstore.Client;

/// <summary>What an <see cref="XenstorePoller"/> received: one of the two.</summary>
/// <param name="Reply">The answer to a request; null when a watch fired.</param>
/// <param name="Watch">The watch that fired; null when a request is answered.</param>
public readonly record struct XenstorePollerEvent(XenstoreReply? Reply, XenstoreWatchEvent? Watch);

/// <summary>
/// A client of xenstore for a poll(2) loop: nothing here waits. It speaks over the kernel's device in a guest, or
/// over a socket, where <see cref="IsSendingUnfinished"/> may become true. Not thread-safe. After a
/// <see cref="XenstoreLinkException"/> dispose it and open another, with back-off.
/// </summary>
/// <remarks>
/// The device: one write(2) a request, because a message split over writes may be torn by the kernel; never poll it
/// for POLLOUT, which it does not signal; kernels before about 4.11 answer a request inside write(2). Later ones must
/// be given one request at a time. They send it from the file's only buffer after write(2) has returned, so that the
/// next one would overwrite it; and write(2) of a WATCH waits for xenstored's answer while it holds the lock that the
/// kernel's reading thread needs for an earlier answer, so that the whole guest would lose xenstore.
/// </remarks>
public sealed class XenstorePoller : IDisposable
{
    /// <summary>How many requests may wait for an answer; xenstored stops listening to a domain beyond 20.</summary>
    public const int MaxOutstanding = 16;

    private const int ReceiveBufferSizeBytes = 4096;

    private readonly string _path;
    private readonly bool _isSocket;
    private readonly XenstoreSession _session = new(MaxOutstanding);
    private readonly byte[] _sendBuffer =
        new byte[XenstoreLimits.HeaderSizeBytes + XenstoreLimits.MaxDevicePayloadSizeBytes];
    private readonly byte[] _receiveBuffer = new byte[ReceiveBufferSizeBytes];
    private readonly Queue<XenstoreReply> _refused = new(MaxOutstanding);
    private readonly Queue<(XenstoreRequest Request, uint Id)> _waiting = new(MaxOutstanding);
    private uint? _atDevice;
    private int _unsentStart;
    private int _unsentEnd;
    private int _receivedStart;
    private int _receivedEnd;

    private XenstorePoller(string path, int descriptor, bool isSocket)
    {
        _path = path;
        FileDescriptor = descriptor;
        _isSocket = isSocket;
    }

    /// <summary>What to poll for POLLIN; −1 after disposal.</summary>
    public int FileDescriptor { get; private set; }

    /// <summary>
    /// Whether a socket took only a part of a request. Poll for POLLOUT then and call <see cref="FinishSending"/>.
    /// Never true on the device.
    /// </summary>
    public bool IsSendingUnfinished => _unsentStart < _unsentEnd;

    /// <summary>How many requests wait for an answer.</summary>
    public int Outstanding => _session.Outstanding;

    /// <summary>Opens <c>/dev/xen/xenbus</c>, <c>/proc/xen/xenbus</c> or a socket, without waiting.</summary>
    /// <exception cref="XenstoreLinkException">It cannot be opened.</exception>
    public static XenstorePoller Open(string path)
    {
        if (Syscall.stat(path, out Stat status) != 0)
        {
            throw OpenFailed(path, Stdlib.GetLastError());
        }

        bool isSocket = (status.st_mode & FilePermissions.S_IFMT) == FilePermissions.S_IFSOCK;
        int descriptor = isSocket ? OpenSocket(path) : OpenDevice(path);
        return new XenstorePoller(path, descriptor, isSocket);
    }

    /// <summary>
    /// Sends a request, or false when the peer takes nothing now or <see cref="MaxOutstanding"/> requests wait. On the
    /// device it is written when those before it are answered, by <see cref="TryReceive"/>.
    /// </summary>
    /// <param name="request">Its payload at most <see cref="XenstoreLimits.MaxDevicePayloadSizeBytes"/> long.</param>
    /// <param name="requestId">The number that the reply will carry.</param>
    /// <exception cref="XenstoreLinkException">The link is broken.</exception>
    public bool TrySend(in XenstoreRequest request, out uint requestId)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(request.SizeBytes, _sendBuffer.Length, nameof(request));
        requestId = 0;
        if (!FinishSending() || !_session.TryBegin(request, out requestId))
        {
            return false;
        }

        if (_atDevice is not null)
        {
            _waiting.Enqueue((request, requestId));
            return true;
        }

        return TryWrite(request, requestId);
    }

    /// <summary>Sends what a socket did not take at once; true when nothing is left.</summary>
    /// <exception cref="XenstoreLinkException">The link is broken.</exception>
    public bool FinishSending()
    {
        while (IsSendingUnfinished)
        {
            int written = Write(_unsentStart, _unsentEnd - _unsentStart, out Errno error);
            if (error == Errno.EAGAIN)
            {
                return false;
            }

            _unsentStart += written > 0 ? written : throw Broken($"writing failed ({error})");
        }

        return true;
    }

    private bool TryWrite(in XenstoreRequest request, uint requestId)
    {
        request.WriteTo(requestId, _sendBuffer);
        int written = Write(0, request.SizeBytes, out Errno error);
        if (written == request.SizeBytes)
        {
            _atDevice = _isSocket ? null : requestId;
            return true;
        }

        if (written > 0 && _isSocket)
        {
            _unsentStart = written;
            _unsentEnd = request.SizeBytes;
            return true;
        }

        _session.Forget(requestId);
        if (error == Errno.EAGAIN)
        {
            return false;
        }

        if (!_isSocket && request.Operation is (XenstoreOperation.Watch or XenstoreOperation.Unwatch))
        {
            // The kernel registers watches itself and says by the errno of write(2) what xenstored refused.
            var refusal = XenstoreErrorName.Parse(error.ToString());
            _refused.Enqueue(new XenstoreReply(requestId, request.Operation, refusal, default));
            return true;
        }

        throw Broken($"writing failed ({error})");
    }

    /// <summary>The device has answered, and is given the next.</summary>
    private void WriteNext()
    {
        _atDevice = null;
        while (_atDevice is null && _waiting.TryDequeue(out (XenstoreRequest Request, uint Id) next))
        {
            if (!TryWrite(next.Request, next.Id))
            {
                throw Broken("it takes no request");
            }
        }
    }

    /// <summary>Takes one reply or watch event; false when nothing whole is there now.</summary>
    /// <exception cref="XenstoreLinkException">The link is broken.</exception>
    public bool TryReceive(out XenstorePollerEvent received)
    {
        if (_refused.TryDequeue(out XenstoreReply refusal))
        {
            received = new XenstorePollerEvent(refusal, null);
            return true;
        }

        received = default;
        do
        {
            ReadOnlySpan<byte> bytes = _receiveBuffer.AsSpan(_receivedStart.._receivedEnd);
            XenstoreReceiveResult result = _session.Receive(
                ref bytes,
                out XenstoreReply reply,
                out XenstoreWatchEvent watchEvent);
            _receivedStart = _receivedEnd - bytes.Length;
            switch (result)
            {
                case XenstoreReceiveResult.Reply:
                    received = new XenstorePollerEvent(reply, null);
                    if (reply.RequestId == _atDevice)
                    {
                        WriteNext();
                    }

                    return true;
                case XenstoreReceiveResult.WatchEvent:
                    received = new XenstorePollerEvent(null, watchEvent);
                    return true;
                case XenstoreReceiveResult.Violation:
                    throw Broken($"the peer broke the protocol: {_session.Violation}");
                default:
                    break;
            }
        }
        while (TryFill());
        return false;
    }

    /// <summary>Closes the descriptor; the kernel removes the watches with it.</summary>
    public void Dispose()
    {
        if (FileDescriptor >= 0)
        {
            _ = Syscall.close(FileDescriptor);
            FileDescriptor = -1;
        }
    }

    private static int OpenDevice(string path)
    {
        int descriptor = Syscall.open(path, OpenFlags.O_RDWR | OpenFlags.O_NONBLOCK | OpenFlags.O_CLOEXEC);
        return descriptor >= 0 ? descriptor : throw OpenFailed(path, Stdlib.GetLastError());
    }

    private static int OpenSocket(string path)
    {
        int descriptor = Syscall.socket(
            UnixAddressFamily.AF_UNIX,
            UnixSocketType.SOCK_STREAM,
            UnixSocketFlags.SOCK_NONBLOCK | UnixSocketFlags.SOCK_CLOEXEC,
            default);
        if (descriptor < 0)
        {
            throw OpenFailed(path, Stdlib.GetLastError());
        }

        if (Syscall.connect(descriptor, new SockaddrUn(path)) != 0)
        {
            Errno error = Stdlib.GetLastError();
            _ = Syscall.close(descriptor);
            throw OpenFailed(path, error);
        }

        return descriptor;
    }

    /// <summary>One write(2); −1 and the error when nothing was taken.</summary>
    private unsafe int Write(int start, int count, out Errno error)
    {
        fixed (byte* first = &_sendBuffer[start])
        {
            long written;
            do
            {
                written = Syscall.write(FileDescriptor, first, (ulong)count);
                error = written < 0 ? Stdlib.GetLastError() : default;
            }
            while (error == Errno.EINTR);
            return (int)written;
        }
    }

    /// <summary>One read(2) into the empty buffer; false when nothing is there now.</summary>
    private unsafe bool TryFill()
    {
        fixed (byte* first = _receiveBuffer)
        {
            while (true)
            {
                long count = Syscall.read(FileDescriptor, first, ReceiveBufferSizeBytes);
                if (count > 0)
                {
                    _receivedStart = 0;
                    _receivedEnd = (int)count;
                    return true;
                }

                Errno error = count < 0 ? Stdlib.GetLastError() : default;
                switch (error)
                {
                    case Errno.EAGAIN:
                        return false;
                    case Errno.EINTR:
                        continue;
                    default:
                        throw Broken(count == 0 ? "the peer closed the connection" : $"reading failed ({error})");
                }
            }
        }
    }

    private XenstoreLinkException Broken(string what)
        => new(_path, $"{what}: open it again; if that fails too, look whether xenstored runs");

    private static XenstoreLinkException OpenFailed(string path, Errno error)
        => new(path, $"cannot be opened ({error}): " + error switch
        {
            Errno.ENOENT => "look whether this is a Xen domain and the kernel module xen-privcmd or xenfs is loaded",
            Errno.EACCES or Errno.EPERM => "run as root",
            _ => "look whether xenstored runs",
        })
        {
            IsDenied = error == Errno.EACCES,
        };
}
