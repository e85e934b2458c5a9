using System.Net.Sockets;
using System.Text;

namespace Testbed.Toolstack;

/// <summary>What the toolstack answers to one command.</summary>
/// <param name="ExitCode">The exit code for the caller.</param>
/// <param name="Text">What the caller prints; one line, may be empty.</param>
public sealed record ToolstackAnswer(int ExitCode, string Text);

/// <summary>
/// The unix socket by which other programs reach the toolstack: one line with the command, one line
/// <c>EXIT-CODE TEXT</c> back, end.
/// </summary>
public sealed class ToolstackSocket : IAsyncDisposable
{
    private const int MaxLineBytes = 256;

    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(10);

    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Func<IReadOnlyList<string>, ToolstackAnswer> _carryOut;
    private readonly CancellationTokenSource _closing = new();
    private readonly Task _serving;

    /// <summary>Listens from now on.</summary>
    /// <param name="path">Where the socket is made.</param>
    /// <param name="carryOut">Answers a command, given word by word. It is never called twice at a time.</param>
    public ToolstackSocket(string path, Func<IReadOnlyList<string>, ToolstackAnswer> carryOut)
    {
        _carryOut = carryOut;
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen();
        _serving = ServeAsync();
    }

    /// <summary>Asks the toolstack that listens at a path.</summary>
    public static async Task<ToolstackAnswer> AskAsync(string path, IEnumerable<string> command)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        using var limit = new CancellationTokenSource(TimeLimit);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), limit.Token);
        await socket.SendAsync(Encoding.UTF8.GetBytes(string.Join(' ', command) + "\n"), limit.Token);
        string[] answer = (await ReadLineAsync(socket, limit.Token)).Split(' ', 2);
        return answer.Length == 2 && int.TryParse(answer[0], out int exitCode)
            ? new ToolstackAnswer(exitCode, answer[1])
            : throw new IOException($"{path}: the toolstack's answer is no \"EXIT-CODE TEXT\"");
    }

    /// <summary>Listens no more.</summary>
    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await _serving;
        _listener.Dispose();
        _closing.Dispose();
    }

    private async Task ServeAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                using Socket client = await _listener.AcceptAsync(_closing.Token);
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token);
                limit.CancelAfter(TimeLimit);
                string line = await ReadLineAsync(client, limit.Token);
                ToolstackAnswer answer = _carryOut(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
                await client.SendAsync(Encoding.UTF8.GetBytes($"{answer.ExitCode} {answer.Text}\n"), limit.Token);
            }
            catch (Exception failure) when (failure is OperationCanceledException or IOException or SocketException)
            {
                // A client that went away or said nothing; the next one may do better.
            }
        }
    }

    private static async Task<string> ReadLineAsync(Socket socket, CancellationToken cancellation)
    {
        byte[] buffer = new byte[MaxLineBytes];
        int length = 0;
        while (length < buffer.Length)
        {
            int count = await socket.ReceiveAsync(buffer.AsMemory(length), cancellation);
            int end = buffer.AsSpan(length, count).IndexOf((byte)'\n');
            if (end >= 0)
            {
                return Encoding.UTF8.GetString(buffer, 0, length + end);
            }

            if (count == 0)
            {
                break;
            }

            length += count;
        }

        throw new IOException("the other side ended without a line");
    }
}
