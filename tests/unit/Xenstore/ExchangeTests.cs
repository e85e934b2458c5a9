using System.Net.Sockets;
using Protocol.Xenstore;
using Protocol.Xenstore.Client;
using Xunit;
using static Tests.Unit.Xenstore.StoreStage;

namespace Tests.Unit.Xenstore;

/// <summary>Requests of the asynchronous client that are used again: none gets the answer of another.</summary>
[Collection(nameof(ExchangeTests))]
[CollectionDefinition(nameof(ExchangeTests), DisableParallelization = true)]
public sealed class ExchangeTests
{
    [Fact]
    public async Task The_late_answer_of_a_cancelled_request_is_nobodys()
    {
        using var daemon = new RawDaemon();
        await using XenstoreClient client = NewClient(daemon.Path, Options);
        using RawPeer peer = await daemon.AcceptAsync();
        await new StoreStage.EventReader(client).UntilAsync<XenstoreEvent.Connected>();
        using var cancelling = new CancellationTokenSource();
        Task<XenstoreResult<byte[]>> left = client.ReadAsync("/left", cancelling.Token).AsTask();
        XenstoreMessage first = (await peer.ReceiveAsync())!.Value;
        await cancelling.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left.WaitAsync(Patience, Cancellation));

        Task<string> next = client.ReadTextAsync("/next");
        XenstoreMessage second = (await peer.ReceiveAsync())!.Value;
        await peer.SendAsync(XenstoreOperation.Read, first.RequestId, "late");
        await peer.SendAsync(XenstoreOperation.Read, second.RequestId, "in time");

        Assert.Equal("in time", await next.WaitAsync(Patience, Cancellation));
    }

    [Fact]
    public async Task A_request_whose_caller_has_left_must_be_answered_in_time_too()
    {
        using var daemon = new RawDaemon();
        var options = Options with { RequestTimeLimit = TimeSpan.FromMilliseconds(50) };
        await using XenstoreClient client = NewClient(daemon.Path, options);
        using RawPeer peer = await daemon.AcceptAsync();
        var events = new StoreStage.EventReader(client);
        await events.UntilAsync<XenstoreEvent.Connected>();
        using var cancelling = new CancellationTokenSource();
        Task<XenstoreResult<byte[]>> left = client.ReadAsync("/left", cancelling.Token).AsTask();
        await cancelling.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left.WaitAsync(Patience, Cancellation));

        var disconnected = await events.UntilAsync<XenstoreEvent.Disconnected>();

        Assert.Contains("Read was not answered within 0.05 s", disconnected.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_caller_gets_its_own_answer_while_others_leave()
    {
        await using var stage = new StoreStage();
        (XenstoreClient client, _) = await stage.ConnectAsync(0, Options with { MaxRequestsInFlight = 4 });
        for (int i = 0; i < 16; i++)
        {
            stage.Store.Write($"/{i}", $"value {i}");
        }

        int[] cancelled = await Task.WhenAll(Enumerable.Range(0, 16).Select(ReadAsync));

        Assert.Contains(cancelled, count => count > 0);
        Assert.Contains(cancelled, count => count < 500);

        async Task<int> ReadAsync(int number)
        {
            int left = 0;
            for (int i = 0; i < 500; i++)
            {
                using var cancelling = new CancellationTokenSource();
                ValueTask<XenstoreResult<byte[]>> reading = client.ReadAsync($"/{number}", cancelling.Token);
                if ((i + number) % 3 == 0)
                {
                    await cancelling.CancelAsync();
                }

                try
                {
                    Assert.Equal($"value {number}", System.Text.Encoding.ASCII.GetString((await reading).Value!));
                }
                catch (OperationCanceledException)
                {
                    left++;
                }
            }

            return left;
        }
    }

    [Fact]
    public async Task What_the_socket_does_not_take_at_once_is_sent_later()
    {
        using var daemon = new RawDaemon();
        await using XenstoreClient client = NewClient(daemon.Path, Options with { MaxRequestsInFlight = 200 });
        using RawPeer peer = await daemon.AcceptAsync();
        await new StoreStage.EventReader(client).UntilAsync<XenstoreEvent.Connected>();

        byte[] value = [.. Enumerable.Range(0, 4000).Select(i => (byte)i)];
        Task<XenstoreError>[] writes =
            [.. Enumerable.Range(0, 200).Select(i => client.WriteAsync("/a", value, Cancellation).AsTask())];
        foreach (Task<XenstoreError> write in writes)
        {
            XenstoreMessage message = (await peer.ReceiveAsync())!.Value;
            Assert.Equal([(byte)'/', (byte)'a', 0, .. value], message.Payload.ToArray());
            await peer.SendAsync(XenstoreOperation.Write, message.RequestId, "OK\0");
            Assert.Equal(XenstoreError.None, await write.WaitAsync(Patience, Cancellation));
        }
    }

    [Fact]
    public async Task A_write_costs_no_memory_and_a_read_only_its_value()
    {
        const int Count = 2_000;
        const int SmallestObjectSizeBytes = 24;
        const int ValueObjectSizeBytes = 32; // 5 bytes behind a header of 24, in steps of 8.
        using var daemon = new RawDaemon();
        await using XenstoreClient client = NewClient(daemon.Path, Options);
        using RawPeer peer = await daemon.AcceptAsync();
        await new StoreStage.EventReader(client).UntilAsync<XenstoreEvent.Connected>();
        var answering = new Thread(() => AnswerAll(peer.Socket)) { IsBackground = true };
        answering.Start();

        (long write, long read) = (long.MaxValue, long.MaxValue);
        try
        {
            for (int round = 0; round < 5; round++)
            {
                write = Math.Min(write, await MeasureAsync(WriteAsync));
                read = Math.Min(read, await MeasureAsync(ReadAsync));
            }
        }
        finally
        {
            await client.DisposeAsync();
            Assert.True(answering.Join(Patience));
        }

        // Less than one object an operation: the rest of the process is not quite silent.
        Assert.InRange(write, 0, (Count * SmallestObjectSizeBytes) - 1);
        Assert.InRange(read, 0, (Count * (ValueObjectSizeBytes + SmallestObjectSizeBytes)) - 1);

        async Task WriteAsync()
        {
            for (int i = 0; i < Count; i++)
            {
                await client.WriteAsync("/a", default, Cancellation).ConfigureAwait(false);
            }
        }

        async Task ReadAsync()
        {
            for (int i = 0; i < Count; i++)
            {
                await client.ReadAsync("/a", Cancellation).ConfigureAwait(false);
            }
        }
    }

    private static async Task<long> MeasureAsync(Func<Task> work)
    {
        long before = GC.GetTotalAllocatedBytes(precise: true);
        await work();
        return GC.GetTotalAllocatedBytes(precise: true) - before;
    }

    /// <summary>Answers one request after another, without allocating, until the client leaves.</summary>
    private static void AnswerAll(Socket socket)
    {
        byte[] request = new byte[XenstoreLimits.HeaderSizeBytes + "/a\0"u8.Length];
        byte[] acknowledgement = Wire.Message(XenstoreOperation.Write, 0, "OK\0");
        byte[] value = Wire.Message(XenstoreOperation.Read, 0, "value");
        while (socket.Receive(request, SocketFlags.None, out SocketError _) == request.Length)
        {
            XenstoreHeader header = XenstoreHeader.Read(request);
            byte[] answer = header.Type == XenstoreOperation.Read ? value : acknowledgement;
            BitConverter.TryWriteBytes(answer.AsSpan(4), header.RequestId);
            socket.Send(answer, SocketFlags.None, out SocketError _);
        }
    }

    private static XenstoreClient NewClient(string path, XenstoreClientOptions options)
    {
        var client = new XenstoreClient(path, options, TimeProvider.System);
        client.Start();
        return client;
    }
}
