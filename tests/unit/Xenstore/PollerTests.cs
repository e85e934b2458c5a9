using System.Net.Sockets;
using System.Text;
using Mono.Unix.Native;
using Protocol.Xenstore;
using Protocol.Xenstore.Client;
using Xunit;
using static Tests.Unit.Xenstore.StoreStage;

namespace Tests.Unit.Xenstore;

/// <summary>The client of a poll loop, over a socket and over character devices.</summary>
public sealed class PollerTests
{
    [Fact]
    public async Task Every_request_is_answered_and_watches_fire()
    {
        await using var stage = new StoreStage();
        stage.Store.IntroduceDomain(5);
        using XenstorePoller poller = XenstorePoller.Open(stage.Store.DomainSocketPath(5));

        Assert.Equal(XenstoreError.None, Ask(poller, XenstoreRequest.Watch("data", "token")).Error);
        Assert.Equal(new XenstoreWatchEvent("data", "token"), NextEvent(poller).Watch);
        Assert.True(poller.TrySend(XenstoreRequest.Write("data/x", "value"u8.ToArray()), out uint write));
        Assert.Equal(new XenstoreWatchEvent("data/x", "token"), NextEvent(poller).Watch);
        Assert.Equal(write, NextEvent(poller).Reply!.Value.RequestId);
        Assert.Equal("value", Encoding.ASCII.GetString(Ask(poller, XenstoreRequest.Read("data/x")).Payload.Span));
        Assert.Equal(["x"], Ask(poller, XenstoreRequest.Directory("data")).Strings());
        Assert.Equal(XenstoreError.ENOENT, Ask(poller, XenstoreRequest.Read("control/none")).Error);
        Assert.Equal(XenstoreError.EACCES, Ask(poller, XenstoreRequest.Write("name", default)).Error);
        Assert.Equal(XenstoreError.None, Ask(poller, XenstoreRequest.Unwatch("data", "token")).Error);
        Assert.Equal(0, poller.Outstanding);
    }

    [Fact]
    public async Task Nothing_ever_waits()
    {
        await using var stage = new StoreStage();
        stage.Store.Freeze();
        using XenstorePoller poller = XenstorePoller.Open(stage.Store.SocketPath);

        Assert.False(poller.TryReceive(out _));
        for (int i = 0; i < XenstorePoller.MaxOutstanding; i++)
        {
            Assert.True(poller.TrySend(XenstoreRequest.Read("/tool"), out _));
        }

        Assert.False(poller.TrySend(XenstoreRequest.Read("/tool"), out _));
        Assert.False(poller.TryReceive(out _));
        stage.Store.Thaw();
        for (int i = 0; i < XenstorePoller.MaxOutstanding; i++)
        {
            Assert.Equal(XenstoreError.ENOENT, NextEvent(poller).Reply!.Value.Error);
        }

        Assert.True(poller.TrySend(XenstoreRequest.Read("/tool"), out _));
    }

    [Fact]
    public async Task Half_messages_wait_for_their_other_half()
    {
        using var daemon = new RawDaemon();
        using XenstorePoller poller = XenstorePoller.Open(daemon.Path);
        using RawPeer peer = await daemon.AcceptAsync();
        Assert.True(poller.TrySend(XenstoreRequest.Read("a"), out uint id));
        byte[] bytes =
        [
            .. Wire.Message(XenstoreOperation.WatchEvent, 0xdeadbeef, "a/b\0token\0"),
            .. Wire.Message(XenstoreOperation.Read, id, "value"),
        ];
        var received = new List<XenstorePollerEvent>();

        foreach (byte one in bytes)
        {
            await peer.SendAsync(one);
            WaitForInput(poller);
            if (poller.TryReceive(out XenstorePollerEvent next))
            {
                received.Add(next);
            }
        }

        Assert.Equal(new XenstoreWatchEvent("a/b", "token"), received[0].Watch);
        Assert.Equal("value"u8.ToArray(), received[1].Reply!.Value.Payload.ToArray());
        Assert.Equal(2, received.Count);
    }

    [Fact]
    public async Task What_a_socket_takes_in_part_is_finished_later()
    {
        using var daemon = new RawDaemon();
        using XenstorePoller poller = XenstorePoller.Open(daemon.Path);
        using RawPeer peer = await daemon.AcceptAsync();
        using (var handle = new SafeSocketHandle(poller.FileDescriptor, ownsHandle: false))
        using (var socket = new Socket(handle))
        {
            socket.SendBufferSize = 1;
        }

        byte[] value = [.. Enumerable.Range(0, 4000).Select(i => (byte)i)];
        int sent = 0;
        while (sent < XenstorePoller.MaxOutstanding && poller.TrySend(XenstoreRequest.Write("a", value), out _))
        {
            sent++;
        }

        Assert.InRange(sent, 1, XenstorePoller.MaxOutstanding - 1);
        for (int i = 0; i < sent; i++)
        {
            Task<XenstoreMessage?> receiving = peer.ReceiveAsync();
            while (!receiving.IsCompleted)
            {
                poller.FinishSending();
                await Task.Yield();
            }

            XenstoreMessage? message = await receiving;
            Assert.NotNull(message);
            Assert.Equal([(byte)'a', 0, .. value], message.Value.Payload.ToArray());
        }

        Assert.False(poller.IsSendingUnfinished);
        Assert.True(poller.TrySend(XenstoreRequest.Write("a", value), out _));
    }

    [Fact]
    public async Task A_peer_that_leaves_or_breaks_the_protocol_is_a_broken_link()
    {
        using var daemon = new RawDaemon();
        using XenstorePoller left = XenstorePoller.Open(daemon.Path);
        (await daemon.AcceptAsync()).Dispose();
        var gone = Assert.Throws<XenstoreLinkException>(() => left.TryReceive(out _));
        Assert.Contains($"xenstore at {daemon.Path}: the peer closed", gone.Message, StringComparison.Ordinal);
        Assert.Throws<XenstoreLinkException>(() => left.TrySend(XenstoreRequest.Read("a"), out _));

        using XenstorePoller fooled = XenstorePoller.Open(daemon.Path);
        using RawPeer peer = await daemon.AcceptAsync();
        await peer.SendAsync(XenstoreOperation.Read, 99, "x");
        WaitForInput(fooled);
        var broken = Assert.Throws<XenstoreLinkException>(() => fooled.TryReceive(out _));
        Assert.Contains("broke the protocol", broken.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_there_cannot_be_opened_and_a_person_is_told_what_to_do()
    {
        var exception = Assert.Throws<XenstoreLinkException>(() => XenstorePoller.Open("/dev/xen/no-such-thing"));

        Assert.Contains(
            "xenstore at /dev/xen/no-such-thing: cannot be opened (ENOENT): look whether",
            exception.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_says_by_the_error_of_write_that_a_watch_was_refused()
    {
        // /dev/full is a character device that refuses every write, as the kernel's does a watch over the quota.
        using XenstorePoller poller = XenstorePoller.Open("/dev/full");

        Assert.True(poller.TrySend(XenstoreRequest.Watch("data", "token"), out uint id));

        Assert.True(poller.TryReceive(out XenstorePollerEvent received));
        var expected = new XenstoreReply(id, XenstoreOperation.Watch, XenstoreError.ENOSPC, default);
        Assert.Equal(expected, received.Reply);
        Assert.Equal(0, poller.Outstanding);
        Assert.Throws<XenstoreLinkException>(() => poller.TrySend(XenstoreRequest.Read("data"), out _));
    }

    [Fact]
    public void A_device_is_given_one_request_at_a_time()
    {
        // A fifo is no socket; the test reads from it and writes to it as the kernel's device would.
        string path = Path.Combine(Path.GetTempPath(), $"poller-{Guid.NewGuid():N}");
        Assert.Equal(0, Syscall.mkfifo(path, FilePermissions.S_IRUSR | FilePermissions.S_IWUSR));
        using var device = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        using XenstorePoller poller = XenstorePoller.Open(path);
        File.Delete(path);
        (XenstoreRequest Request, string Answer)[] asked =
        [
            (XenstoreRequest.Read("data/x"), "value"),
            (XenstoreRequest.Watch("data", "token"), "OK\0"),
            (XenstoreRequest.Write("data/y", "more"u8.ToArray()), "OK\0"),
        ];
        var ids = new List<uint>();
        foreach ((XenstoreRequest request, _) in asked)
        {
            Assert.True(poller.TrySend(request, out uint id));
            ids.Add(id);
        }

        Assert.Equal(asked.Length, poller.Outstanding);
        byte[] buffer = new byte[4096];
        for (int i = 0; i < asked.Length; i++)
        {
            // All that is there is this one request.
            Assert.Equal(asked[i].Request.SizeBytes, device.Read(buffer));
            device.Write(Wire.Message(asked[i].Request.Operation, ids[i], asked[i].Answer));
            Assert.True(poller.TryReceive(out XenstorePollerEvent received));
            Assert.Equal(ids[i], received.Reply!.Value.RequestId);
            Assert.Equal(XenstoreError.None, received.Reply.Value.Error);
        }

        Assert.Equal(0, poller.Outstanding);
    }

    [Fact]
    public void A_request_that_the_device_would_not_take_is_a_mistake()
    {
        using XenstorePoller poller = XenstorePoller.Open("/dev/null");

        Assert.True(poller.TrySend(XenstoreRequest.Write("a", new byte[4078]), out _));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => poller.TrySend(XenstoreRequest.Write("a", new byte[4079]), out _));
    }

    private static XenstoreReply Ask(XenstorePoller poller, in XenstoreRequest request)
    {
        Assert.True(poller.TrySend(request, out uint id));
        XenstoreReply reply = NextEvent(poller).Reply!.Value;
        Assert.Equal(id, reply.RequestId);
        return reply;
    }

    private static XenstorePollerEvent NextEvent(XenstorePoller poller)
    {
        while (true)
        {
            if (poller.TryReceive(out XenstorePollerEvent received))
            {
                return received;
            }

            WaitForInput(poller);
        }
    }

    private static void WaitForInput(XenstorePoller poller)
    {
        Pollfd[] watched = [new() { fd = poller.FileDescriptor, events = PollEvents.POLLIN }];
        int ready;
        do
        {
            ready = Syscall.poll(watched, (int)Patience.TotalMilliseconds);
        }
        while (ready < 0 && Stdlib.GetLastError() == Errno.EINTR); // a child of another test ended

        Assert.Equal(1, ready);
    }
}
