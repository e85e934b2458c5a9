using System.Net.Sockets;
using HostBridge.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace HostBridge.Admin;

/// <summary>
/// Listens on a unix socket that root alone reaches. Whoever comes gets a session with limits of its own; the loop is
/// reached through <see cref="AdminDesk"/> alone, so that no client slows it. Without the socket the bridge goes on.
/// </summary>
internal sealed partial class AdminSocket(
    string? path, AdminService service, TimeProvider time, ILogger<AdminSocket> logger) : BackgroundService
{
    /// <summary>The socket of a bridge that was not told another.</summary>
    public const string DefaultPath = "/run/host-bridge/admin.sock";

    /// <summary>The most clients at once; a further one is told that the bridge is busy.</summary>
    public const int MaxClients = 8;

    private const int Backlog = 16;

    /// <summary>rwx------: whoever else could come in could ask for a restart of any guest.</summary>
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromSeconds(30);

    /// <summary>Whoever comes again and again is let in 50 times a second.</summary>
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(20);

    private readonly SemaphoreSlim _places = new(MaxClients);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        string? told = null;
        while (path is not null && !stoppingToken.IsCancellationRequested)
        {
            try
            {
                using Socket listener = await ListenAsync(path, stoppingToken).ConfigureAwait(false);
                told = null;
                try
                {
                    await AcceptAsync(listener, stoppingToken).ConfigureAwait(false);
                }
                finally
                {
                    File.Delete(path);
                }
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or SocketException)
            {
                if (told != failure.Message)
                {
                    told = failure.Message;
                    LogUnusable(path, failure.Message);
                }

                await Task.Delay(TryAgainAfter, time, stoppingToken).ConfigureAwait(false);
            }
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _places.Dispose();
    }

    private static async Task<Socket> ListenAsync(string path, CancellationToken cancellationToken)
    {
        string folder = Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(folder, OwnerOnly);
        if ((File.GetUnixFileMode(folder) & ~OwnerOnly) != 0)
        {
            throw new IOException($"{folder} is open to others than its owner; chmod 0700 it, or give another admin-socket");
        }

        await RemoveStaleAsync(path, cancellationToken).ConfigureAwait(false);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            listener.Bind(new UnixDomainSocketEndPoint(path));
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            listener.Listen(Backlog);
            return listener;
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    /// <summary>A socket at which somebody answers is another bridge's.</summary>
    private static async Task RemoveStaleAsync(string path, CancellationToken cancellationToken)
    {
        if (!Path.Exists(path))
        {
            return;
        }

        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await probe.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            File.Delete(path);
            return;
        }

        throw new IOException("another host-bridge listens there; stop it, or give this one another admin-socket");
    }

    private async Task AcceptAsync(Socket listener, CancellationToken cancellationToken)
    {
        while (true)
        {
            Socket client = await listener.AcceptAsync(cancellationToken).ConfigureAwait(false);
            _ = ServeAsync(client, await _places.WaitAsync(0, cancellationToken).ConfigureAwait(false), cancellationToken);
            await Task.Delay(Pace, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task ServeAsync(Socket client, bool hasPlace, CancellationToken cancellationToken)
    {
        try
        {
            using (client)
            {
                await new AdminSession(client, service, Libc.GetEffectiveUser())
                    .RunAsync(hasPlace, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception failure) when (failure is IOException or SocketException or OperationCanceledException)
        {
            // Whoever asked is gone, or took too long: that is a matter of its own.
        }
#pragma warning disable CA1031 // A mistake in a view must not end a bridge that is in the middle of recoveries.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            LogMistake(failure);
        }
        finally
        {
            if (hasPlace)
            {
                _places.Release();
            }
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Path} cannot be listened on, so no command reaches this bridge: {Reason}")]
    private partial void LogUnusable(string path, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "a person's command ended by a fault of the program")]
    private partial void LogMistake(Exception fault);
}
