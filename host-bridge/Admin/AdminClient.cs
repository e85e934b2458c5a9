using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using HostBridge.Admin.Views;

namespace HostBridge.Admin;

/// <summary>How the bridge answered a command, or why it did not.</summary>
/// <param name="Json">The document; null when there is none.</param>
/// <param name="ExitCode">0 with a document; otherwise how the command ends.</param>
/// <param name="Problem">What is wrong and what to do; null with a document.</param>
internal readonly record struct AdminAnswer(byte[]? Json, int ExitCode, string? Problem);

/// <summary>Asks the bridge that runs. One request a connection; it waits within limits and never for ever.</summary>
internal static class AdminClient
{
    /// <summary>It was refused, or means nothing here.</summary>
    public const int RefusedExitCode = 1;

    /// <summary>No bridge answers (EX_UNAVAILABLE of sysexits.h).</summary>
    public const int UnavailableExitCode = 69;

    /// <summary>The bridge that answers speaks another schema (EX_PROTOCOL of sysexits.h).</summary>
    public const int ProtocolExitCode = 76;

    /// <summary>Only root may ask (EX_NOPERM of sysexits.h).</summary>
    public const int NotAllowedExitCode = 77;

    private const int MaxAnswerBytes = 64 * 1024 * 1024;

    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(5);

    /// <summary>More than the bridge takes at most before it says that it is busy.</summary>
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(30);

    /// <summary>Asks.</summary>
    /// <param name="path">The bridge's socket.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="cancellationToken">The person asks no more.</param>
    public static async Task<AdminAnswer> AskAsync(string path, AdminRequest request, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(ConnectLimit);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), limit.Token).ConfigureAwait(false);
            limit.CancelAfter(AnswerLimit);
            await SendAsync(socket, [.. AdminJson.ToBytes(request), (byte)'\n'], limit.Token).ConfigureAwait(false);
            return Judge(await ReadAsync(socket, limit.Token).ConfigureAwait(false));
        }
        catch (SocketException failure) when (failure.SocketErrorCode == SocketError.AccessDenied)
        {
            return new AdminAnswer(null, NotAllowedExitCode, $"only root may ask the bridge at {path}; try sudo.");
        }
        catch (SocketException failure)
        {
            return new AdminAnswer(
                null,
                UnavailableExitCode,
                $"no bridge answers at {path} ({(Path.Exists(path) ? failure.Message : "it is not there")}); "
                    + "see systemctl status host-bridge. host-bridge history works without it.");
        }
        catch (ArgumentException)
        {
            return new AdminAnswer(null, CommandLine.UsageExitCode, $"{path} is too long for the path of a socket.");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new AdminAnswer(
                null,
                UnavailableExitCode,
                $"the bridge at {path} does not answer; see systemctl status host-bridge and its log.");
        }
    }

    /// <summary>Reads a document of <see cref="AdminAnswer.Json"/>.</summary>
    public static T Read<T>(byte[] json, JsonTypeInfo<T> type)
        => JsonSerializer.Deserialize(json, type) ?? throw new JsonException("null is no document");

    /// <summary>Takes a document for one, or says what is wrong with it.</summary>
    private static AdminAnswer Judge(byte[] json)
    {
        try
        {
            DocumentHead head = Read(json, AdminJson.Plain.DocumentHead);
            if (head.Schema == AdminSchema.Current)
            {
                return head.Error is { } error
                    ? new AdminAnswer(null, ExitCodeOf(error), $"{head.Text}.")
                    : new AdminAnswer(json, 0, null);
            }
        }
        catch (JsonException)
        {
            // Whatever answers there speaks something else.
        }

        return new AdminAnswer(
            null,
            ProtocolExitCode,
            "what answers is a bridge of another version than this program; systemctl restart host-bridge "
                + "has the installed one run.");
    }

    private static int ExitCodeOf(string error) => error switch
    {
        AdminErrors.NotAllowed => NotAllowedExitCode,
        AdminErrors.NoGuest => RefusedExitCode,
        AdminErrors.Busy => UnavailableExitCode,
        _ => ProtocolExitCode,
    };

    /// <summary>Whoever is turned away is answered before he is heard: what cannot be sent is no reason not to read.</summary>
    private static async Task SendAsync(Socket socket, byte[] line, CancellationToken cancellationToken)
    {
        try
        {
            _ = await socket.SendAsync(line.AsMemory(), cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException failure) when (failure.SocketErrorCode is SocketError.Shutdown or SocketError.ConnectionReset)
        {
            // The answer is there, or its want tells.
        }
    }

    private static async Task<byte[]> ReadAsync(Socket socket, CancellationToken cancellationToken)
    {
        var bytes = new MemoryStream();
        byte[] buffer = new byte[64 * 1024];
        try
        {
            while (bytes.Length < MaxAnswerBytes
                && await socket.ReceiveAsync(buffer.AsMemory(), cancellationToken).ConfigureAwait(false) is > 0 and var read)
            {
                bytes.Write(buffer, 0, read);
            }
        }
        catch (SocketException failure) when (failure.SocketErrorCode == SocketError.ConnectionReset)
        {
            // The bridge closed without having read all of the request: what it said before counts.
        }

        return bytes.ToArray();
    }
}
