using System.IO.Pipelines;
using System.Net.Sockets;

namespace HostBridge.Guests.Channels;

/// <summary>
/// An open way to a guest's channel: bytes in, bytes out. What breaks it throws <see cref="IOException"/>.
/// </summary>
internal abstract class ChannelLine : IAsyncDisposable
{
    /// <summary>How much of a guest's bytes waits to be looked at; beyond, the guest waits.</summary>
    protected const int BufferBytes = 16 * 1024;

    /// <summary>What the guest sends.</summary>
    public abstract PipeReader Input { get; }

    /// <summary>Sends bytes to the guest.</summary>
    public abstract ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken);

    /// <summary>Closes it; a reading that is under way ends.</summary>
    public abstract ValueTask DisposeAsync();

    /// <summary>Opens a place; throws <see cref="IOException"/>, whose message says what is wrong.</summary>
    public static async Task<ChannelLine> OpenAsync(ChannelPlace place, CancellationToken cancellationToken)
    {
        if (place.IsTerminal)
        {
            return TerminalLine.Open(place.Path);
        }

        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(place.Path), cancellationToken)
                .ConfigureAwait(false);
            return new SocketLine(socket);
        }
        catch (Exception failure)
        {
            socket.Dispose();
            throw failure is SocketException or ArgumentException
                ? new IOException($"{place.Path} cannot be connected to: {failure.Message}", failure)
                : failure;
        }
    }

    private sealed class SocketLine : ChannelLine
    {
        private readonly NetworkStream _stream;

        public SocketLine(Socket socket)
        {
            _stream = new NetworkStream(socket, ownsSocket: true);
            Input = PipeReader.Create(_stream, new StreamPipeReaderOptions(bufferSize: BufferBytes, leaveOpen: true));
        }

        public override PipeReader Input { get; }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
            => _stream.WriteAsync(bytes, cancellationToken);

        public override ValueTask DisposeAsync() => _stream.DisposeAsync();
    }
}
