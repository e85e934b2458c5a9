using System.Collections.Concurrent;
using Protocol.Xenstore.Client;
using Xunit;
using static Tests.Unit.Xenstore.StoreStage;

namespace Tests.Unit.Xenstore;

/// <summary>How long the client waits between its attempts to connect, by a clock on which no wait takes time.</summary>
public sealed class BackOffTests
{
    private const int Attempts = 40;

    [Fact]
    public async Task The_waits_between_attempts_to_connect_double_from_0_2_to_30_s_and_are_scattered()
    {
        var time = new HastyTime(Attempts);
        await using (var client = new XenstoreClient(
            "/nowhere/socket", new XenstoreClientOptions { Jitter = new Random(1) }, time))
        {
            client.Start();
            await time.Waited.WaitAsync(Patience, Cancellation);
        }

        TimeSpan[] waits = [.. time.Waits.Take(Attempts)];
        double[] parts = new double[Attempts];
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            double wholeSeconds = Math.Min(0.2 * Math.Pow(2, attempt), 30);
            parts[attempt] = waits[attempt].TotalSeconds / wholeSeconds;
            Assert.InRange(parts[attempt], 0.5, 1);
        }

        Assert.True(parts.Max() - parts.Min() > 0.3, "a thousand clients would come at once");
    }

    [Fact]
    public async Task After_a_connection_that_stood_the_waits_begin_anew()
    {
        string folder = Directory.CreateTempSubdirectory("xs-").FullName;
        string path = Path.Combine(folder, "socket");
        var time = new HastyTime(Attempts);
        await using (var client = new XenstoreClient(path, new XenstoreClientOptions { Jitter = new Random(1) }, time))
        {
            client.Start();
            await time.Waited.WaitAsync(Patience, Cancellation);
            await using (var store = new Testbed.Xenstore.EmbeddedXenstore(folder))
            {
                await new EventReader(client).UntilAsync<XenstoreEvent.Connected>();
                time.Forget(1);
            }

            await time.Waited.WaitAsync(Patience, Cancellation);
        }

        Assert.True(time.Waits.TryPeek(out TimeSpan first));
        Assert.InRange(first.TotalSeconds, 0.1, 0.2);
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>Keeps how long was to be waited, and waits a moment only.</summary>
    private sealed class HastyTime(int wanted) : TimeProvider
    {
        private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(1);

        private TaskCompletionSource _waited = new();
        private int _wanted = wanted;

        public ConcurrentQueue<TimeSpan> Waits { get; } = new();

        public Task Waited => _waited.Task;

        public void Forget(int newlyWanted)
        {
            _waited = new TaskCompletionSource();
            _wanted = newlyWanted;
            Waits.Clear();
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime == Timeout.InfiniteTimeSpan)
            {
                // The time limit of requests, which is set later.
                return base.CreateTimer(callback, state, dueTime, period);
            }

            Waits.Enqueue(dueTime);
            if (Waits.Count >= _wanted)
            {
                _waited.TrySetResult();
            }

            return base.CreateTimer(callback, state, Moment, period);
        }
    }
}
