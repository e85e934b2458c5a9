using System.Diagnostics;
using System.Globalization;
using Protocol.Xenstore;
using Protocol.Xenstore.Client;
using Spectre.Console;
using Testbed.Linux;
using Testbed.Xenstore;

namespace Benchmarks.Xenstore;

/// <summary>
/// The client beside Xen's own C library on the same real daemon, in turns, so that a noisy machine is noisy for both.
/// Prints figures and ratios; it fails only when something does not work.
/// </summary>
internal static class XenstoreBenchmark
{
    private const int Count = 20_000;
    private const int Rounds = 5;
    private const int InFlight = 16;
    private const string Path = "/benchmark/net";

    private static readonly byte[] Value = "seq=17 verdict=writable"u8.ToArray();

    public static async Task<int> RunAsync()
    {
        if (await RealXenstore.WhyNotAsync() is { } reason)
        {
            Console.Error.WriteLine($"benchmarks: skipped: {reason}");
            return 0;
        }

        string folder = Directory.CreateTempSubdirectory("benchmark-").FullName;
        try
        {
            await using RealXenstore daemon = await RealXenstore.StartAsync(folder);
            string peer = await BuildPeerAsync(folder);
            await using XenstoreClient client = await ConnectAsync(daemon.SocketPath);
            using var watch = new WatchReader(client);
            Figure[] figures = await MeasureAsync(client, watch, mode => RunPeerAsync(peer, daemon.SocketPath, mode));
            Print(figures);
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<Figure[]> MeasureAsync(
        XenstoreClient client, WatchReader watch, Func<string, Task<double>> peer)
    {
        var figures = new Figure[]
        {
            new("write, one at a time", "write", () => WriteAsync(client, Count)),
            new("read, one at a time", "read", () => ReadAsync(client, Count)),
            new("write + own watch event, one at a time", "watch", () => watch.WriteAndWaitAsync(Value, Count)),
            new($"write, {InFlight} in flight", "write", () => ParallelAsync(count => WriteAsync(client, count))),
            new($"read, {InFlight} in flight", "read", () => ParallelAsync(count => ReadAsync(client, count))),
        };
        for (int round = 0; round <= Rounds; round++)
        {
            foreach (Figure figure in figures)
            {
                double peerSeconds = await peer(figure.PeerMode);
                await watch.SetAsync(figure.PeerMode == "watch");
                long allocated = GC.GetTotalAllocatedBytes(precise: true);
                long start = Stopwatch.GetTimestamp();
                await figure.Work();
                double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
                allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
                if (round > 0)
                {
                    // The first round warms both up.
                    figure.Add(Count / peerSeconds, Count / seconds, (double)allocated / Count);
                }
            }
        }

        return figures;
    }

    // The loops await the client itself: an async method between them would allocate for each operation.
    private static async Task WriteAsync(XenstoreClient client, int count)
    {
        for (int i = 0; i < count; i++)
        {
            XenstoreError error = await client.WriteAsync(Path, Value, CancellationToken.None).ConfigureAwait(false);
            Require(error == XenstoreError.None);
        }
    }

    private static async Task ReadAsync(XenstoreClient client, int count)
    {
        for (int i = 0; i < count; i++)
        {
            XenstoreResult<byte[]> read = await client.ReadAsync(Path, CancellationToken.None).ConfigureAwait(false);
            Require(read.Value!.Length == Value.Length);
        }
    }

    private static Task ParallelAsync(Func<int, Task> work)
        => Task.WhenAll(Enumerable.Range(0, InFlight).Select(_ => work(Count / InFlight)));

    private static async Task<XenstoreClient> ConnectAsync(string socket)
    {
        var client = new XenstoreClient(
            socket, new XenstoreClientOptions { Jitter = new Random(1) }, TimeProvider.System);
        client.Start();
        for (int attempt = 0; attempt < 100; attempt++)
        {
            try
            {
                await WriteAsync(client, count: 1);
                return client;
            }
            catch (XenstoreLinkException)
            {
                await Task.Delay(50);
            }
        }

        throw new TimeoutException($"{socket} does not answer");
    }

    private static async Task<string> BuildPeerAsync(string folder)
    {
        string peer = System.IO.Path.Combine(folder, "libxenstore-peer");
        string source = System.IO.Path.Combine(AppContext.BaseDirectory, "Xenstore", "libxenstore-peer.c");
        await Tool.RequireAsync("gcc", "-O2", "-Wall", "-Werror", "-o", peer, source, "-lxenstore");
        return peer;
    }

    private static async Task<double> RunPeerAsync(string peer, string socket, string mode)
    {
        string seconds = await Tool.RequireAsync(
            "env", $"XENSTORED_PATH={socket}", peer, mode, Count.ToString(CultureInfo.InvariantCulture));
        return double.Parse(seconds, CultureInfo.InvariantCulture);
    }

    private static void Print(IEnumerable<Figure> figures)
    {
        var table = new Table { Border = TableBorder.Markdown };
        table.AddColumns("operation", "C library, /s", "this client, /s", "ratio", "bytes allocated an operation");
        foreach (Figure figure in figures)
        {
            table.AddRow(
                figure.Name,
                figure.Peer.ToString("N0", CultureInfo.InvariantCulture),
                figure.Own.ToString("N0", CultureInfo.InvariantCulture),
                figure.Ratio.ToString("0.00", CultureInfo.InvariantCulture),
                figure.Bytes.ToString("0.0", CultureInfo.InvariantCulture));
        }

        AnsiConsole.Profile.Width = 120;
        AnsiConsole.Write(table);
        AnsiConsole.WriteLine(
            $"{Rounds} rounds of {Count} operations, medians; the C library works one at a time. "
            + $"A value read is {Value.Length} bytes, an array of {Value.Length} bytes is 48.");
    }

    private static void Require(bool holds)
    {
        if (!holds)
        {
            throw new InvalidOperationException("the daemon did not answer as it must");
        }
    }

    private sealed class Figure(string name, string peerMode, Func<Task> work)
    {
        private readonly List<double> _peer = [];
        private readonly List<double> _own = [];
        private readonly List<double> _bytes = [];

        public string Name => name;

        public string PeerMode => peerMode;

        public Func<Task> Work => work;

        public double Peer => Median(_peer);

        public double Own => Median(_own);

        public double Ratio => Median([.. _own.Zip(_peer, (own, peer) => own / peer)]);

        public double Bytes => Median(_bytes);

        public void Add(double peerPerSecond, double ownPerSecond, double bytes)
        {
            _peer.Add(peerPerSecond);
            _own.Add(ownPerSecond);
            _bytes.Add(bytes);
        }

        private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
    }

    /// <summary>Writes a watched node and waits for the event of each write.</summary>
    private sealed class WatchReader(XenstoreClient client) : IDisposable
    {
        private const string Token = "benchmark";

        private readonly CancellationTokenSource _stop = new();
        private IAsyncEnumerator<XenstoreEvent>? _events;
        private bool _isSet;

        public async Task SetAsync(bool wanted)
        {
            if (wanted == _isSet)
            {
                return;
            }

            _isSet = wanted;
            if (wanted)
            {
                _events ??= client.Events(_stop.Token).GetAsyncEnumerator();
                await client.WatchAsync(Path, Token, CancellationToken.None);
                await NextAsync();
            }
            else
            {
                await client.UnwatchAsync(Path, Token, CancellationToken.None);
            }
        }

        public async Task WriteAndWaitAsync(byte[] value, int count)
        {
            for (int i = 0; i < count; i++)
            {
                _ = await client.WriteAsync(Path, value, CancellationToken.None).ConfigureAwait(false);
                Require(await _events!.MoveNextAsync().ConfigureAwait(false));
                Require(_events.Current is XenstoreEvent.WatchFired);
            }
        }

        public void Dispose()
        {
            _stop.Cancel();
            _stop.Dispose();
        }

        private async ValueTask NextAsync()
        {
            do
            {
                Require(await _events!.MoveNextAsync().ConfigureAwait(false));
            }
            while (_events.Current is not XenstoreEvent.WatchFired);
        }
    }
}
