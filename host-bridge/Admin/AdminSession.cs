using System.Net.Sockets;
using System.Text.Json;
using HostBridge.Admin.Views;

namespace HostBridge.Admin;

/// <summary>One client of the socket: one request, one document, and the end. Everything has a limit.</summary>
/// <param name="client">The connection.</param>
/// <param name="service">What answers.</param>
/// <param name="ownUser">The user that the bridge runs as, who may ask as root may.</param>
internal sealed class AdminSession(Socket client, AdminService service, uint ownUser)
{
    // socket(7), include/uapi/asm-generic/socket.h: struct ucred is pid, uid and gid of 32 bits each.
    private const int SocketLevel = 1;
    private const int PeerCredentials = 17;
    private const int CredentialsLength = 12;
    private const int UserOffset = 4;

    private static readonly TimeSpan ReadLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan WriteLimit = TimeSpan.FromSeconds(10);

    /// <summary>Serves the client.</summary>
    /// <param name="hasPlace">Whether it is one of those that are let in.</param>
    /// <param name="cancellationToken">The bridge stops.</param>
    public async Task RunAsync(bool hasPlace, CancellationToken cancellationToken)
    {
        byte[] answer = AdminJson.ToBytes(
            await AnswerAsync(hasPlace, cancellationToken).ConfigureAwait(false));
        using CancellationTokenSource limit = Limit(WriteLimit, cancellationToken);
        int written = 0;
        while (written < answer.Length)
        {
            written += await client.SendAsync(answer.AsMemory(written), limit.Token).ConfigureAwait(false);
        }

        _ = await client.SendAsync("\n"u8.ToArray(), limit.Token).ConfigureAwait(false);
    }

    private async Task<object> AnswerAsync(bool hasPlace, CancellationToken cancellationToken)
    {
        if (!hasPlace)
        {
            return Error(AdminErrors.Busy, "too many ask at once; try again");
        }

        if (ReadUser() is var user && user != 0 && user != ownUser)
        {
            return Error(AdminErrors.NotAllowed, "only root may ask; try sudo");
        }

        if (await ReadAsync(cancellationToken).ConfigureAwait(false) is not { } request)
        {
            return Error(AdminErrors.Unknown, "that is no request of one line of JSON");
        }

        using CancellationTokenSource limit = Limit(AnswerLimit, cancellationToken);
        try
        {
            return await service.AnswerAsync(request, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Error(AdminErrors.Busy, $"the bridge did not come to it within {AnswerLimit.TotalSeconds:0} s; try again");
        }
    }

    private uint ReadUser()
    {
        Span<byte> credentials = stackalloc byte[CredentialsLength];
        client.GetRawSocketOption(SocketLevel, PeerCredentials, credentials);
        return BitConverter.ToUInt32(credentials[UserOffset..]);
    }

    private async Task<AdminRequest?> ReadAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = Limit(ReadLimit, cancellationToken);
        byte[] line = new byte[AdminRequest.MaxBytes];
        int length = 0;
        while (length < line.Length)
        {
            int read = await client.ReceiveAsync(line.AsMemory(length), limit.Token).ConfigureAwait(false);
            int end = line.AsSpan(length, read).IndexOf((byte)'\n');
            if (end >= 0)
            {
                return Parse(line.AsSpan(0, length + end));
            }

            if (read == 0)
            {
                return null;
            }

            length += read;
        }

        return null;
    }

    private static AdminRequest? Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, AdminJson.Plain.AdminRequest);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static CancellationTokenSource Limit(TimeSpan limit, CancellationToken cancellationToken)
    {
        var source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        source.CancelAfter(limit);
        return source;
    }

    private static ErrorDocument Error(string error, string text) => new()
    {
        Error = error, Text = text, Version = CommandLine.Version,
    };
}
