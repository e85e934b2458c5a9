using System.Text;
using Protocol.Xenstore;
using Protocol.Xenstore.Client;
using Testbed.Xenstore;
using Xunit;

namespace Tests.Integration.Xenstore;

/// <summary>The daemons that must agree.</summary>
public enum DaemonKind
{
    /// <summary><see cref="EmbeddedXenstore"/>.</summary>
    Embedded,

    /// <summary><see cref="RealXenstore"/>; its tests are skipped where it cannot run.</summary>
    Real,
}

/// <summary>One daemon with the domains 5 and 6, in a folder of its own, and clients of it.</summary>
internal sealed class ContractStage : IAsyncDisposable
{
    /// <summary>Ends a test that would otherwise wait for ever.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly string _folder;
    private readonly List<IDisposable> _disposables = [];
    private readonly List<XenstoreClient> _clients = [];

    private ContractStage(string folder, IXenstoreDaemon daemon)
    {
        _folder = folder;
        Daemon = daemon;
    }

    public static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public IXenstoreDaemon Daemon { get; }

    public static async Task<ContractStage> StartAsync(DaemonKind kind)
    {
        if (kind == DaemonKind.Real && await RealXenstore.WhyNotAsync() is { } reason)
        {
            Assert.Skip(reason);
        }

        string folder = Directory.CreateTempSubdirectory("xs-").FullName;
        IXenstoreDaemon daemon =
            kind == DaemonKind.Real ? await RealXenstore.StartAsync(folder) : new EmbeddedXenstore(folder);
        daemon.IntroduceDomain(5);
        daemon.IntroduceDomain(6);
        return new ContractStage(folder, daemon);
    }

    /// <summary>The socket of a domain, Dom0's included.</summary>
    public string SocketOf(int domainId) => domainId == 0 ? Daemon.SocketPath : Daemon.DomainSocketPath(domainId);

    /// <summary>A raw client that is a domain. The real daemon serves one client of a domain at a time.</summary>
    public RawXenstoreClient Raw(int domainId) => Kept(new RawXenstoreClient(SocketOf(domainId)));

    /// <summary>A poll loop's client that is a domain.</summary>
    public PollLoop Poll(int domainId) => Kept(new PollLoop(SocketOf(domainId)));

    /// <summary>A connected client that is a domain, and its events, the first of which was read.</summary>
    public async Task<(XenstoreClient Client, ClientEvents Events)> ConnectAsync(int domainId)
    {
        var options = new XenstoreClientOptions
        {
            Jitter = new Random(1),
            MinBackOff = TimeSpan.FromMilliseconds(2),
            MaxBackOff = TimeSpan.FromMilliseconds(20),
            PauseAfterEvents = HostBridge.Guests.GuestListener.EventPause,
        };
        var client = new XenstoreClient(SocketOf(domainId), options, TimeProvider.System);
        _clients.Add(client);
        client.Start();
        var events = new ClientEvents(client);
        await events.UntilAsync<XenstoreEvent.Connected>();
        return (client, events);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (XenstoreClient client in _clients)
        {
            await client.DisposeAsync();
        }

        _disposables.ForEach(one => one.Dispose());
        await Daemon.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private T Kept<T>(T one)
        where T : IDisposable
    {
        _disposables.Add(one);
        return one;
    }
}

/// <summary>Reads a client's events one by one, each within <see cref="ContractStage.Patience"/>.</summary>
internal sealed class ClientEvents(XenstoreClient client)
{
    private readonly IAsyncEnumerator<XenstoreEvent> _events =
        client.Events(CancellationToken.None).GetAsyncEnumerator(CancellationToken.None);

    public async Task<XenstoreEvent> NextAsync()
    {
        Assert.True(await _events.MoveNextAsync().AsTask().WaitAsync(ContractStage.Patience, ContractStage.Cancellation));
        return _events.Current;
    }

    public async Task<T> UntilAsync<T>(Func<T, bool>? isWanted = null)
        where T : XenstoreEvent
    {
        while (true)
        {
            if (await NextAsync() is T found && isWanted?.Invoke(found) != false)
            {
                return found;
            }
        }
    }

    public async Task<string> NextPathAsync() => (await UntilAsync<XenstoreEvent.WatchFired>()).Path;

    public Task UntilPathAsync(string path) => UntilAsync<XenstoreEvent.WatchFired>(fired => fired.Path == path);
}

/// <summary>Short forms for tests.</summary>
internal static class ContractShortcuts
{
    public static async Task<string> ReadTextAsync(this XenstoreClient client, string path)
    {
        XenstoreResult<byte[]> result = await client.ReadAsync(path, ContractStage.Cancellation);
        return result.IsSuccess ? Encoding.Latin1.GetString(result.Value!) : result.Error.ToString();
    }

    public static async Task<XenstoreError> WriteTextAsync(this XenstoreClient client, string path, string value)
        => await client.WriteAsync(path, Encoding.Latin1.GetBytes(value), ContractStage.Cancellation);

    public static async Task<XenstoreError> WatchAsync(this XenstoreClient client, string path)
        => await client.WatchAsync(path, "token", ContractStage.Cancellation);
}
