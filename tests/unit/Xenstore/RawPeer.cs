using System.Net.Sockets;
using System.Text;
using Protocol.Xenstore;
using Xunit;

namespace Tests.Unit.Xenstore;

/// <summary>One end of a connection, byte by byte: a strange client, or a strange daemon.</summary>
internal sealed class RawPeer(Socket socket) : IDisposable
{
    private readonly XenstoreMessageParser _parser = new();
    private byte[] _received = [];

    public Socket Socket { get; } = socket;

    public static async Task<RawPeer> ConnectAsync(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), StoreStage.Cancellation);
        return new RawPeer(socket);
    }

    public async Task SendAsync(params byte[] bytes)
        => await Socket.SendAsync(bytes, SocketFlags.None, StoreStage.Cancellation);

    public async Task SendAsync(XenstoreOperation type, uint requestId, string payload)
        => await SendAsync(Wire.Message(type, requestId, payload));

    /// <summary>The next message; null when the connection was closed.</summary>
    public async Task<XenstoreMessage?> ReceiveAsync()
    {
        while (true)
        {
            if (TryParse(out XenstoreMessage message))
            {
                return message;
            }

            byte[] buffer = new byte[4096];
            int count = await Socket.ReceiveAsync(buffer, SocketFlags.None, StoreStage.Cancellation)
                .AsTask()
                .WaitAsync(StoreStage.Patience, StoreStage.Cancellation);
            if (count == 0)
            {
                return null;
            }

            _received = [.. _received, .. buffer[..count]];
        }
    }

    /// <summary>The next message as type and payload.</summary>
    public async Task<(XenstoreOperation Type, string Payload)> ReceiveTextAsync()
    {
        XenstoreMessage? message = await ReceiveAsync();
        Assert.NotNull(message);
        return (message.Value.Type, Encoding.Latin1.GetString(message.Value.Payload.Span));
    }

    public void Dispose() => Socket.Dispose();

    private bool TryParse(out XenstoreMessage message)
    {
        ReadOnlySpan<byte> bytes = _received;
        bool whole = _parser.Read(ref bytes, out message) != XenstoreParseResult.NeedMore;
        _received = bytes.ToArray();
        return whole;
    }
}

/// <summary>Listens as a daemon would, for one strange daemon after another.</summary>
internal sealed class RawDaemon : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("xs-").FullName;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public RawDaemon()
    {
        Path = System.IO.Path.Combine(_folder, "socket");
        _listener.Bind(new UnixDomainSocketEndPoint(Path));
        _listener.Listen();
    }

    public string Path { get; }

    public async Task<RawPeer> AcceptAsync()
        => new(await _listener.AcceptAsync(StoreStage.Cancellation)
            .AsTask()
            .WaitAsync(StoreStage.Patience, StoreStage.Cancellation));

    public void Dispose()
    {
        _listener.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
