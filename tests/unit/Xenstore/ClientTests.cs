using Protocol.Xenstore;
using Protocol.Xenstore.Client;
using Xunit;
using static Tests.Unit.Xenstore.StoreStage;

namespace Tests.Unit.Xenstore;

/// <summary>The asynchronous client: many at once, cancelled, cut off, flooded.</summary>
public sealed class ClientTests
{
    [Fact]
    public async Task Many_requests_are_in_flight_and_the_rest_wait_for_their_turn()
    {
        await using var stage = new StoreStage();
        stage.Store.Write("/tool", "value");
        (XenstoreClient client, _) = await stage.ConnectAsync(0, Options with { MaxRequestsInFlight = 4 });

        string[] values = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => client.ReadTextAsync("/tool")));

        Assert.All(values, value => Assert.Equal("value", value));
    }

    [Fact]
    public async Task No_more_than_the_limit_is_sent_before_an_answer_comes()
    {
        using var daemon = new RawDaemon();
        await using XenstoreClient client = Start(daemon.Path, Options with { MaxRequestsInFlight = 2 });
        using RawPeer peer = await daemon.AcceptAsync();
        await new StoreStage.EventReader(client).UntilAsync<XenstoreEvent.Connected>();
        Task<string>[] reads = [.. Enumerable.Range(0, 3).Select(number => client.ReadTextAsync($"/{number}"))];

        XenstoreMessage first = (await peer.ReceiveAsync())!.Value;
        XenstoreMessage second = (await peer.ReceiveAsync())!.Value;
        Assert.Equal(0, peer.Socket.Available);
        await peer.SendAsync(XenstoreOperation.Read, second.RequestId, "of the second");
        XenstoreMessage third = (await peer.ReceiveAsync())!.Value;
        await peer.SendAsync(XenstoreOperation.Read, third.RequestId, "of the third");
        await peer.SendAsync(XenstoreOperation.Error, first.RequestId, "EACCES\0");

        string[] values = await Task.WhenAll(reads).WaitAsync(Patience, Cancellation);
        Assert.Equal(["EACCES", "of the second", "of the third"], values);
    }

    [Fact]
    public async Task A_cancelled_caller_leaves_the_connection_usable()
    {
        await using var stage = new StoreStage();
        stage.Store.Write("/tool", "value");
        (XenstoreClient client, _) = await stage.ConnectAsync(0, Options with { MaxRequestsInFlight = 1 });
        stage.Store.Freeze();
        using var cancelling = new CancellationTokenSource();
        Task<XenstoreResult<byte[]>> sent = client.ReadAsync("/tool", cancelling.Token).AsTask();
        Task<XenstoreResult<byte[]>> waiting = client.ReadAsync("/tool", cancelling.Token).AsTask();

        await cancelling.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sent.WaitAsync(Patience, Cancellation));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(Patience, Cancellation));
        stage.Store.Thaw();
        Assert.Equal("value", await client.ReadTextAsync("/tool"));
        Assert.Equal("value", await client.ReadTextAsync("/tool"));
    }

    [Fact]
    public async Task Without_a_daemon_requests_fail_with_the_path_and_what_to_do()
    {
        await using var stage = new StoreStage();
        XenstoreClient client = stage.NewClient("/nowhere/socket");
        var before = await Assert.ThrowsAsync<XenstoreLinkException>(() => client.ReadTextAsync("/tool"));
        Assert.Contains("xenstore at /nowhere/socket: not connected yet", before.Message, StringComparison.Ordinal);

        client.Start();
        var disconnected = await new StoreStage.EventReader(client).UntilAsync<XenstoreEvent.Disconnected>();

        Assert.Contains("look whether xenstored runs", disconnected.Reason, StringComparison.Ordinal);
        var after = await Assert.ThrowsAsync<XenstoreLinkException>(() => client.ReadTextAsync("/tool"));
        Assert.Equal("/nowhere/socket", after.Path);
        Assert.Contains("look whether xenstored runs", after.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cut_connection_is_made_again_with_its_watches()
    {
        await using var stage = new StoreStage();
        (XenstoreClient client, StoreStage.EventReader events) = await stage.ConnectAsync();
        await client.WatchAsync("/tool");
        await client.WatchAsync("/dropped");
        Assert.Equal("/tool", await events.NextPathAsync());
        Assert.Equal("/dropped", await events.NextPathAsync());
        await client.UnwatchAsync("/dropped", "token", Cancellation);

        stage.Store.DropConnections();

        // The first event of a watch may come before or after the connection counts as made.
        var again = new HashSet<XenstoreEvent>();
        XenstoreEvent[] expected = [new XenstoreEvent.Connected(2), new XenstoreEvent.WatchFired("/tool", "token")];
        while (!again.IsSupersetOf(expected))
        {
            again.Add((await events.NextAsync())!);
        }

        Assert.DoesNotContain(new XenstoreEvent.WatchFired("/dropped", "token"), again);
        stage.Store.Write("/dropped", "x");
        stage.Store.Write("/tool/a", "x");
        Assert.Equal("/tool/a", await events.NextPathAsync());
        Assert.Equal(XenstoreError.EEXIST, await client.WatchAsync("/tool"));
    }

    [Fact]
    public async Task Requests_in_flight_fail_when_the_connection_is_cut()
    {
        await using var stage = new StoreStage();
        (XenstoreClient client, StoreStage.EventReader events) = await stage.ConnectAsync();
        stage.Store.Freeze();
        Task<string> waiting = client.ReadTextAsync("/tool");

        stage.Store.DropConnections();

        await Assert.ThrowsAsync<XenstoreLinkException>(() => waiting.WaitAsync(Patience, Cancellation));
        stage.Store.Thaw();
        await events.UntilAsync<XenstoreEvent.Connected>();
        Assert.Equal("ENOENT", await client.ReadTextAsync("/tool"));
    }

    [Fact]
    public async Task A_request_has_a_time_limit_after_which_a_new_connection_is_made()
    {
        await using var stage = new StoreStage();
        (XenstoreClient client, StoreStage.EventReader events) = await stage.ConnectAsync(
            0,
            Options with { RequestTimeLimit = TimeSpan.FromMilliseconds(30) });
        stage.Store.Freeze();

        var exception = await Assert.ThrowsAsync<XenstoreLinkException>(
            () => client.ReadTextAsync("/tool").WaitAsync(Patience, Cancellation));

        Assert.Contains("Read was not answered within 0.03 s", exception.Message, StringComparison.Ordinal);
        stage.Store.Thaw();
        await events.UntilAsync<XenstoreEvent.Disconnected>();
        await events.UntilAsync<XenstoreEvent.Connected>();
    }

    [Fact]
    public async Task A_peer_that_breaks_the_protocol_is_left()
    {
        using var daemon = new RawDaemon();
        await using XenstoreClient client = Start(daemon.Path, Options);
        var events = new StoreStage.EventReader(client);
        using RawPeer peer = await daemon.AcceptAsync();
        await events.UntilAsync<XenstoreEvent.Connected>();
        Task<string> waiting = client.ReadTextAsync("/tool");
        await peer.ReceiveAsync();

        await peer.SendAsync([.. Enumerable.Repeat((byte)0xff, 100)]);

        var exception = await Assert.ThrowsAsync<XenstoreLinkException>(
            () => waiting.WaitAsync(Patience, Cancellation));
        Assert.Contains("broke the protocol", exception.Message, StringComparison.Ordinal);
        Assert.Null(await peer.ReceiveAsync());
        using RawPeer next = await daemon.AcceptAsync();
        await events.UntilAsync<XenstoreEvent.Connected>();
    }

    [Fact]
    public async Task A_malformed_answer_is_a_broken_link()
    {
        using var daemon = new RawDaemon();
        await using XenstoreClient client = Start(daemon.Path, Options);
        using RawPeer peer = await daemon.AcceptAsync();
        await new StoreStage.EventReader(client).UntilAsync<XenstoreEvent.Connected>();
        Task<XenstoreResult<IReadOnlyList<string>>> waiting = client.DirectoryAsync("/tool", Cancellation).AsTask();
        XenstoreMessage request = (await peer.ReceiveAsync())!.Value;

        await peer.SendAsync(XenstoreOperation.Directory, request.RequestId, "not terminated");

        var exception = await Assert.ThrowsAsync<XenstoreLinkException>(
            () => waiting.WaitAsync(Patience, Cancellation));
        Assert.Contains("the answer to Directory is malformed", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_directory_that_changes_while_it_is_read_in_parts_is_begun_again_but_not_for_ever()
    {
        using var daemon = new RawDaemon();
        await using XenstoreClient client = Start(daemon.Path, Options with { MaxDirectoryRestarts = 1 });
        using RawPeer peer = await daemon.AcceptAsync();
        await new StoreStage.EventReader(client).UntilAsync<XenstoreEvent.Connected>();

        Task<XenstoreResult<IReadOnlyList<string>>> good = client.DirectoryAsync("/a", Cancellation).AsTask();
        await AnswerAsync(peer, XenstoreOperation.Error, "E2BIG\0");
        await AnswerAsync(peer, XenstoreOperation.DirectoryPart, "1\0x\0");
        await AnswerAsync(peer, XenstoreOperation.DirectoryPart, "2\0z\0\0");
        await AnswerAsync(peer, XenstoreOperation.DirectoryPart, "2\0y\0z\0\0");
        Assert.Equal(["y", "z"], (await good.WaitAsync(Patience, Cancellation)).Value);

        Task<XenstoreResult<IReadOnlyList<string>>> restless = client.DirectoryAsync("/a", Cancellation).AsTask();
        await AnswerAsync(peer, XenstoreOperation.Error, "E2BIG\0");
        for (int generation = 0; generation < 4; generation++)
        {
            await AnswerAsync(peer, XenstoreOperation.DirectoryPart, $"{generation}\0x\0");
        }

        Assert.Equal(XenstoreError.EAGAIN, (await restless.WaitAsync(Patience, Cancellation)).Error);

        Task<XenstoreResult<IReadOnlyList<string>>> old = client.DirectoryAsync("/a", Cancellation).AsTask();
        await AnswerAsync(peer, XenstoreOperation.Error, "E2BIG\0");
        await AnswerAsync(peer, XenstoreOperation.Error, "ENOSYS\0");
        Assert.Equal(XenstoreError.E2BIG, (await old.WaitAsync(Patience, Cancellation)).Error);
    }

    [Fact]
    public async Task A_flood_of_events_is_folded_and_ends_with_the_watched_path()
    {
        await using var stage = new StoreStage();
        stage.Store.IntroduceDomain(5);
        (XenstoreClient client, StoreStage.EventReader events) = await stage.ConnectAsync(
            0,
            Options with { MaxPendingEventsPerWatch = 3 });
        await client.WatchAsync("/local/domain/5/data", "5", Cancellation);
        await client.WatchAsync("/tool", "tool", Cancellation);
        Assert.Equal("/local/domain/5/data", await events.NextPathAsync());
        Assert.Equal("/tool", await events.NextPathAsync());

        for (int round = 0; round < 100; round++)
        {
            stage.Store.Write($"/local/domain/5/data/{round % 50}", "x");
        }

        stage.Store.Write("/tool", "calm");
        await client.ReadTextAsync("/tool"); // Its answer comes behind all events.

        string folder = "/local/domain/5/data";
        foreach (string path in (string[])[$"{folder}/0", $"{folder}/1", $"{folder}/2", folder, "/tool"])
        {
            Assert.Equal(path, await events.NextPathAsync());
        }

        stage.Store.Write($"{folder}/7", "x");
        Assert.Equal($"{folder}/7", await events.NextPathAsync());
    }

    [Fact]
    public async Task The_pause_after_events_is_left_out_while_a_flood_waits()
    {
        const int flood = 160 * 1024;
        using var daemon = new RawDaemon();
        var time = new PauseCounter(TimeSpan.FromMilliseconds(50));
        await using var client = new XenstoreClient(
            daemon.Path, Options with { PauseAfterEvents = time.Pause }, time);
        client.Start();
        using RawPeer peer = await daemon.AcceptAsync();
        var events = new StoreStage.EventReader(client);
        await events.UntilAsync<XenstoreEvent.Connected>();
        foreach (string watched in new[] { "/flood", "/quiet" })
        {
            Task<XenstoreError> watching = client.WatchAsync(watched);
            await AnswerAsync(peer, XenstoreOperation.Watch, "OK\0");
            Assert.Equal(XenstoreError.None, await watching.WaitAsync(Patience, Cancellation));
        }

        byte[] one = Wire.Message(XenstoreOperation.WatchEvent, 0, $"/flood/{new string('x', 1000)}\0token\0");
        byte[] last = Wire.Message(XenstoreOperation.WatchEvent, 0, "/quiet\0token\0");
        await peer.SendAsync([.. Enumerable.Repeat(one, flood / one.Length).SelectMany(bytes => bytes), .. last]);

        while (await events.NextPathAsync() != "/quiet")
        {
            // One of the flood.
        }

        // A pause for each 4 KiB were forty. How often the flood lets the socket run dry is up to the scheduler.
        Assert.InRange(time.Pauses, 0, 20);
    }

    [Fact]
    public async Task The_events_end_with_the_client()
    {
        await using var stage = new StoreStage();
        (XenstoreClient client, StoreStage.EventReader events) = await stage.ConnectAsync();

        await client.DisposeAsync();

        Assert.Null(await events.NextAsync());
        await Assert.ThrowsAsync<XenstoreLinkException>(() => client.ReadTextAsync("/tool"));
    }

    private static XenstoreClient Start(string path, XenstoreClientOptions options)
    {
        var client = new XenstoreClient(path, options, TimeProvider.System);
        client.Start();
        return client;
    }

    private static async Task AnswerAsync(RawPeer peer, XenstoreOperation type, string payload)
    {
        XenstoreMessage request = (await peer.ReceiveAsync())!.Value;
        await peer.SendAsync(type, request.RequestId, payload);
    }

    /// <summary>The system's clock, which counts the waits of one length.</summary>
    private sealed class PauseCounter(TimeSpan pause) : TimeProvider
    {
        private int _pauses;

        public TimeSpan Pause { get; } = pause;

        public int Pauses => Volatile.Read(ref _pauses);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime == Pause)
            {
                Interlocked.Increment(ref _pauses);
            }

            return base.CreateTimer(callback, state, dueTime, period);
        }
    }
}
