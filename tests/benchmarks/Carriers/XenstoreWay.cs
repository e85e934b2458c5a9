using System.Text;
using Protocol.Health;
using Protocol.Xenstore;
using Protocol.Xenstore.Client;

namespace Benchmarks.Carriers;

/// <summary>A report over xenstore: a guest's client that writes, and Dom0's that waits for events and reads.</summary>
internal sealed class XenstoreWay(string hostSocket, string guestSocket) : IAsyncDisposable
{
    private const int DomainId = 7;

    private readonly XenstoreClient _host = NewClient(hostSocket);
    private readonly XenstoreClient _guest = NewClient(guestSocket);
    private readonly CancellationTokenSource _stop = new();
    private IAsyncEnumerator<XenstoreEvent>? _events;

    /// <summary>Connects both, and sets the watch.</summary>
    public async Task ConnectAsync()
    {
        string home = $"/local/domain/{DomainId}/data";
        await UntilConnectedAsync(_host);
        _ = await _host.WriteAsync(home, default, CancellationToken.None);
        _ = await _host.SetPermissionsAsync(
            home, [new XenstorePermission(XenstoreAccess.None, DomainId)], CancellationToken.None);
        await UntilConnectedAsync(_guest);
        _events = _host.Events(_stop.Token).GetAsyncEnumerator();
        _ = await _host.WatchAsync(
            GuestKeys.Absolute(DomainId, GuestKeys.Report), "benchmark", CancellationToken.None);
    }

    /// <summary>Carries a report until the host has read each of its lines.</summary>
    public async Task CarryAsync(GuestReport report)
    {
        var awaited = new Dictionary<string, string>(StringComparer.Ordinal);
        for (int slot = 0; slot < report.Filesystems.Count; slot++)
        {
            string line = ReportCodec.ToLine(report.Filesystems[slot], report.BootId, report.Sequence);
            awaited[GuestKeys.Absolute(DomainId, GuestKeys.Filesystem(slot))] = line;
            XenstoreError error = await _guest
                .WriteAsync(GuestKeys.Filesystem(slot), Encoding.ASCII.GetBytes(line), CancellationToken.None)
                .ConfigureAwait(false);
            if (error != XenstoreError.None)
            {
                throw new InvalidOperationException($"a line cannot be written ({error})");
            }
        }

        while (awaited.Count > 0 && await _events!.MoveNextAsync().ConfigureAwait(false))
        {
            if (_events.Current is XenstoreEvent.WatchFired fired && awaited.TryGetValue(fired.Path, out string? line))
            {
                XenstoreResult<byte[]> read = await _host.ReadAsync(fired.Path, CancellationToken.None)
                    .ConfigureAwait(false);
                if (read.Value is { } value && Encoding.ASCII.GetString(value) == line)
                {
                    _ = awaited.Remove(fired.Path);
                }
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _guest.DisposeAsync();
        await _host.DisposeAsync();
        _stop.Dispose();
    }

    private static XenstoreClient NewClient(string socket)
    {
        var client = new XenstoreClient(
            socket, new XenstoreClientOptions { Jitter = new Random(1) }, TimeProvider.System);
        client.Start();
        return client;
    }

    private static async Task UntilConnectedAsync(XenstoreClient client)
    {
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                _ = await client.ReadAsync("/local", CancellationToken.None);
                return;
            }
            catch (XenstoreLinkException) when (attempt < 100)
            {
                await Task.Delay(50);
            }
        }
    }
}
