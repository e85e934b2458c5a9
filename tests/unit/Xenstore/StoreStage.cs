using System.Text;
using Protocol.Xenstore;
using Protocol.Xenstore.Client;
using Testbed.Xenstore;
using Xunit;

namespace Tests.Unit.Xenstore;

/// <summary>An embedded store in a folder of its own, with clients of it.</summary>
internal sealed class StoreStage : IAsyncDisposable
{
    /// <summary>Ends a test that would otherwise wait for ever.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly string _folder = Directory.CreateTempSubdirectory("xs-").FullName;
    private readonly List<XenstoreClient> _clients = [];

    public StoreStage() => Store = new EmbeddedXenstore(_folder);

    public EmbeddedXenstore Store { get; }

    public static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static XenstoreClientOptions Options { get; } = new()
    {
        Jitter = new Random(1),
        MinBackOff = TimeSpan.FromMilliseconds(1),
        MaxBackOff = TimeSpan.FromMilliseconds(20),
    };

    /// <summary>A client that is not started.</summary>
    public XenstoreClient NewClient(string socketPath, XenstoreClientOptions? options = null)
    {
        var client = new XenstoreClient(socketPath, options ?? Options, TimeProvider.System);
        _clients.Add(client);
        return client;
    }

    /// <summary>A connected client and its events, the first of which was read.</summary>
    public async Task<(XenstoreClient Client, EventReader Events)> ConnectAsync(
        int domainId = 0,
        XenstoreClientOptions? options = null)
    {
        string path = domainId == 0 ? Store.SocketPath : Store.DomainSocketPath(domainId);
        XenstoreClient client = NewClient(path, options);
        client.Start();
        var events = new EventReader(client);
        Assert.IsType<XenstoreEvent.Connected>(await events.NextAsync());
        return (client, events);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (XenstoreClient client in _clients)
        {
            await client.DisposeAsync();
        }

        await Store.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Reads events one by one, each within <see cref="Patience"/>.</summary>
    internal sealed class EventReader(XenstoreClient client)
    {
        private readonly IAsyncEnumerator<XenstoreEvent> _events =
            client.Events(CancellationToken.None).GetAsyncEnumerator(CancellationToken.None);

        public async Task<XenstoreEvent?> NextAsync()
            => await _events.MoveNextAsync().AsTask().WaitAsync(Patience, Cancellation) ? _events.Current : null;

        public async Task<string> NextPathAsync()
            => Assert.IsType<XenstoreEvent.WatchFired>(await NextAsync()).Path;

        public async Task<T> UntilAsync<T>()
            where T : XenstoreEvent
        {
            while (true)
            {
                if (await NextAsync() is T found)
                {
                    return found;
                }
            }
        }
    }
}

/// <summary>Short forms for tests.</summary>
internal static class ClientShortcuts
{
    public static async Task<string> ReadTextAsync(this XenstoreClient client, string path)
    {
        XenstoreResult<byte[]> result = await client.ReadAsync(path, StoreStage.Cancellation);
        return result.IsSuccess ? Encoding.Latin1.GetString(result.Value!) : result.Error.ToString();
    }

    public static async Task<XenstoreError> WriteTextAsync(this XenstoreClient client, string path, string value)
        => await client.WriteAsync(path, Encoding.Latin1.GetBytes(value), StoreStage.Cancellation);

    public static async Task<XenstoreError> WatchAsync(this XenstoreClient client, string path)
        => await client.WatchAsync(path, "token", StoreStage.Cancellation);

    public static XenstorePermission[] Permissions(params string[] texts)
        => [.. XenstorePayload.ToPermissions(texts)!];
}
