using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Protocol.Xenstore;
using Protocol.Xenstore.Client;
using Testbed.Xenstore;
using Xunit;

namespace Tests.Integration.Xenstore;

/// <summary>What becomes of clients when the daemon dies, and of the daemon when clients misbehave.</summary>
public sealed class RecoveryContractTests
{
    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task A_client_outlives_a_daemon_that_is_killed_in_the_middle_of_everything(DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        (XenstoreClient client, ClientEvents events) = await stage.ConnectAsync(0);
        await client.WatchAsync("/test/a", "a", ContractStage.Cancellation);
        await client.WatchAsync("/test/b", "b", ContractStage.Cancellation);
        await client.WatchAsync("/test/unwanted", "c", ContractStage.Cancellation);
        await client.UnwatchAsync("/test/unwanted", "c", ContractStage.Cancellation);

        for (int generation = 2; generation <= 4; generation++)
        {
            // Sixteen writers without pause: some of their requests are half way when the daemon dies.
            Task<int>[] writers = [.. Enumerable.Range(0, 16).Select(one => WriteUntilBrokenAsync(client, one))];
            await events.UntilPathAsync("/test/b/15");
            stage.Daemon.Kill();
            int[] written = await Task.WhenAll(writers).WaitAsync(ContractStage.Patience, ContractStage.Cancellation);
            Assert.Contains(written, count => count > 0);
            await events.UntilAsync<XenstoreEvent.Disconnected>();
            await Assert.ThrowsAsync<XenstoreLinkException>(() => client.ReadTextAsync("/test"));

            stage.Daemon.Restart();
            await events.UntilAsync<XenstoreEvent.Connected>(connected => connected.Generation == generation);
            using var other = new RawXenstoreClient(stage.SocketOf(0));
            foreach (string path in (string[])["/test/unwanted", "/test/a/x", "/test/b/x"])
            {
                other.Demand(XenstoreOperation.Write, $"{path}\0again");
            }

            var seen = new List<string>();
            do
            {
                seen.Add((await events.UntilAsync<XenstoreEvent.WatchFired>()).Path);
            }
            while (seen[^1] != "/test/b/x");
            Assert.Equal(["/test/a/x", "/test/b/x"], seen.Where(path => path is not ("/test/a" or "/test/b")));
            Assert.Equal("again", await client.ReadTextAsync("/test/a/x"));
        }
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task A_watch_fires_again_after_the_daemon_is_back_even_when_nothing_changed(DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        (XenstoreClient client, ClientEvents events) = await stage.ConnectAsync(0);
        await client.WatchAsync("/test");
        await events.UntilPathAsync("/test");

        stage.Daemon.Kill();
        await events.UntilAsync<XenstoreEvent.Disconnected>();
        stage.Daemon.Restart();

        await events.UntilPathAsync("/test");
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task A_frozen_daemon_answers_when_it_thaws_and_fails_what_waits_when_it_dies(DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        (XenstoreClient client, ClientEvents events) = await stage.ConnectAsync(0);

        stage.Daemon.Freeze();
        Task<XenstoreError> waiting = client.WriteTextAsync("/test", "x");
        Assert.NotSame(waiting, await Task.WhenAny(waiting, Task.Delay(100, ContractStage.Cancellation)));
        stage.Daemon.Thaw();
        Assert.Equal(XenstoreError.None, await waiting);

        stage.Daemon.Freeze();
        Task<string> doomed = client.ReadTextAsync("/test");
        stage.Daemon.Kill();
        await Assert.ThrowsAsync<XenstoreLinkException>(() => doomed);
        stage.Daemon.Restart();
        await events.UntilAsync<XenstoreEvent.Connected>(connected => connected.Generation == 2);
        Assert.Equal("ENOENT", await client.ReadTextAsync("/test"));
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task A_poll_loop_opens_again_and_finds_its_domain_as_libxl_makes_it(DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        using (PollLoop before = stage.Poll(5))
        {
            Assert.Equal(XenstoreError.None, before.Ask(XenstoreRequest.Write("data/x", "x"u8.ToArray())).Error);
            Assert.True(before.Poller.TrySend(XenstoreRequest.Watch("data", "t"), out _));
            stage.Daemon.Kill();
            Assert.Throws<XenstoreLinkException>(before.ReadForEver);
        }

        Assert.Throws<XenstoreLinkException>(() => stage.Poll(5));
        stage.Daemon.Restart();
        using PollLoop after = stage.Poll(5);
        Assert.Equal(XenstoreError.ENOENT, after.Ask(XenstoreRequest.Read("data/x")).Error);
        Assert.Equal("5", Encoding.ASCII.GetString(after.Ask(XenstoreRequest.Read("domid")).Payload.Span));
        WatchContractTests.Watch(after, "data");
        Assert.Equal(XenstoreError.None, after.Ask(XenstoreRequest.Write("data/x", "x"u8.ToArray())).Error);
        Assert.Equal("data/x", after.Events.Dequeue().Path);
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task A_client_that_leaves_takes_its_watches_and_its_half_message_with_it(DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        foreach (int domainId in (int[])[0, 5])
        {
            byte[] message = RawXenstoreClient.Message(XenstoreOperation.Write, 1, 0, "data/half\0a longer value");
            for (int size = 1; size < message.Length; size += 7)
            {
                using var leaver = new RawXenstoreClient(stage.SocketOf(domainId));
                Assert.Equal("OK\0", leaver.Ask(XenstoreOperation.Watch, "data\0t\0"));
                leaver.Send(message.AsSpan(0, size));
            }

            using var next = new RawXenstoreClient(stage.SocketOf(domainId));
            Assert.Equal("ENOENT", next.Ask(XenstoreOperation.Read, "data/half\0"));
            Assert.Equal("OK\0", next.Ask(XenstoreOperation.Watch, "data\0t\0"));
            Assert.Equal("OK\0", next.Ask(XenstoreOperation.Write, "data/x\0x"));
            Assert.Equal(["data", "data/x"], next.Events.Select(one => one.Path));
        }
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task A_message_may_come_byte_by_byte_and_several_at_once(DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        foreach (int domainId in (int[])[0, 5])
        {
            using var client = new RawXenstoreClient(stage.SocketOf(domainId));
            byte[] write = RawXenstoreClient.Message(XenstoreOperation.Write, 7, 0, "data/x\0value");
            byte[] read = RawXenstoreClient.Message(XenstoreOperation.Read, 8, 0, "data/x\0");

            foreach (byte one in write)
            {
                client.Send([one]);
            }

            Assert.Equal("OK\0", client.ReceiveText());
            client.Send([.. read, .. read, .. write, .. read]);
            string[] answers = [.. Enumerable.Range(0, 4).Select(_ => client.ReceiveText())];
            Assert.Equal(["value", "value", "OK\0", "value"], answers);
        }
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task Whoever_announces_more_than_4096_bytes_is_dropped_and_a_domain_never_heard_again(DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        (XenstoreClient bystander, _) = await stage.ConnectAsync(0);
        byte[] header = new byte[XenstoreLimits.HeaderSizeBytes];
        new XenstoreHeader(XenstoreOperation.Write, 1, 0, XenstoreLimits.MaxPayloadSizeBytes + 1).WriteTo(header);

        using (var dom0 = new RawXenstoreClient(stage.SocketOf(0)))
        {
            dom0.Send(header);
            Assert.Null(dom0.Receive());
        }

        using (RawXenstoreClient guest = stage.Raw(5))
        {
            guest.Send(header);
            Assert.Null(guest.Receive());
        }

        Assert.Equal(XenstoreError.None, await bystander.WriteTextAsync("/test", "others are served"));
        Assert.Equal("OK\0", stage.Raw(0).Ask(XenstoreOperation.Write, "/test\0x"));
        Assert.Equal("OK\0", stage.Raw(6).Ask(XenstoreOperation.Write, "data/x\0x"));
        Assert.ThrowsAny<SocketException>(() => stage.Raw(5).Ask(XenstoreOperation.Read, "domid\0"));
        Assert.True((await bystander.IsDomainIntroducedAsync(5, ContractStage.Cancellation)).Value);
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task Nobody_waits_for_a_watcher_that_does_not_read_and_it_misses_nothing(DaemonKind kind)
    {
        const int writes = 2000;
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        RawXenstoreClient watcher = stage.Raw(0);
        Assert.Equal("OK\0", watcher.Ask(XenstoreOperation.Watch, "/test\0t\0"));
        RawXenstoreClient writer = stage.Raw(0);
        string[] paths = [.. Enumerable.Range(0, writes).Select(
            number => string.Create(CultureInfo.InvariantCulture, $"/test/{number}"))];

        foreach (string path in paths)
        {
            writer.Demand(XenstoreOperation.Write, $"{path}\0x");
        }

        string[] seen = [.. Enumerable.Range(0, writes + 1).Select(_ => watcher.NextEvent().Path)];
        Assert.Equal(["/test", .. paths], seen);
    }

    private static async Task<int> WriteUntilBrokenAsync(XenstoreClient client, int number)
    {
        for (int count = 0; ; count++)
        {
            try
            {
                await client.WriteTextAsync($"/test/{(number % 2 == 0 ? 'a' : 'b')}/{number}", "x");
            }
            catch (XenstoreLinkException)
            {
                return count;
            }
        }
    }
}
