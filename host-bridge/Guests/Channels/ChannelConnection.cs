using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Channels;
using HostBridge.Recovery;
using Protocol.Channel;
using Protocol.Health;

namespace HostBridge.Guests.Channels;

/// <summary>
/// The bridge's end of one guest's channel: connects, connects again, turns what arrives into inputs, and brings the
/// standing request. Whose words they are says the place, never the words.
/// </summary>
/// <param name="place">Where the channel is.</param>
/// <param name="inputs">Where its words go.</param>
/// <param name="clock">For waits.</param>
/// <param name="jitter">Scatters the waits.</param>
internal sealed class ChannelConnection(
    ChannelPlace place, BridgeInputQueue inputs, BridgeClock clock, Random jitter)
{
    /// <summary>What a guest can make the bridge look at: a burst, and one message a second after it.</summary>
    private const int MessageBurst = 10;

    /// <summary>What a guest can make the bridge read in a second; beyond, the guest waits.</summary>
    private const int MaxBytesPerSecond = 256 * 1024;

    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LastBackOff = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan WriteLimit = TimeSpan.FromSeconds(10);

    /// <summary>
    /// A connection over which nothing is heard is made anew: what it holds for a guest that does not read goes.
    /// </summary>
    private static readonly TimeSpan SilenceLimit = TimeSpan.FromSeconds(60);

    private readonly TokenBucket _bucket = new(MessageBurst, Second, clock.Now.Elapsed);
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private readonly Lock _gate = new();
    private readonly byte[] _frame = new byte[ChannelLimits.MaxFrameBytes];
    private GuestRequest? _standing;
    private byte[]? _toOffer;
    private GuestReport? _report;
    private bool _isConnected;
    private int _bytesThisSecond;
    private TimeSpan _secondBegan;

    /// <summary>Where it is.</summary>
    public ChannelPlace Place => place;

    /// <summary>Whether the guest answers.</summary>
    public bool IsAnswered { get; private set; }

    /// <summary>Why it could not be connected to the last time, for people; null when it could.</summary>
    public string? Trouble { get; private set; }

    /// <summary>
    /// Brings a request, now and over every further connection, until it is answered or another is brought.
    /// </summary>
    public void Offer(GuestRequest request)
    {
        lock (_gate)
        {
            _standing = request;
            _toOffer = ChannelCodec.Encode(new ChannelMessage.Request(request));
        }

        Wake();
    }

    /// <summary>Takes a request away, if it is still this one.</summary>
    public void Withdraw(RequestId id)
    {
        lock (_gate)
        {
            if (_standing?.Id != id)
            {
                return;
            }

            _standing = null;
            _toOffer = ChannelCodec.Encode(new ChannelMessage.NoRequest());
        }

        Wake();
    }

    /// <summary>Runs until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        TimeSpan backOff = Second;
        while (true)
        {
            try
            {
                ChannelLine line = await ConnectAsync(cancellationToken).ConfigureAwait(false);
                (_isConnected, Trouble) = (true, null);
                await PumpAsync(line, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception failure) when (failure is IOException or TimeoutException)
            {
                Trouble = failure.Message;
            }

            backOff = _isConnected ? Second : backOff * 2 < LastBackOff ? backOff * 2 : LastBackOff;
            (IsAnswered, _isConnected) = (false, false);
            await Task.Delay(backOff * (0.5 + (jitter.NextDouble() / 2)), clock.Time, cancellationToken)
                .ConfigureAwait(false);
        }
    }

    private async Task<ChannelLine> ConnectAsync(CancellationToken cancellationToken)
    {
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limited.CancelAfter(ConnectLimit);
        try
        {
            return await ChannelLine.OpenAsync(place, limited.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new IOException($"{place.Path} takes no connection; another program may hold it");
        }
    }

    private async Task PumpAsync(ChannelLine line, CancellationToken cancellationToken)
    {
        var link = new ChannelLink(ChannelEnd.Host, (uint)jitter.Next(1, int.MaxValue));
        TimeSpan heardAt = clock.Now.Elapsed;
        OfferStanding(link);
        Task<ReadResult> reading = line.Input.ReadAsync(cancellationToken).AsTask();
        Task waking = Task.CompletedTask;
        try
        {
            while (clock.Now.Elapsed - heardAt < SilenceLimit)
            {
                _ = _wake.Reader.TryRead(out _);
                OfferNews(link);
                await SendAsync(line, link, cancellationToken).ConfigureAwait(false);
                waking = waking.IsCompleted ? AwaitNewsAsync(cancellationToken) : waking;
                await (await Task.WhenAny(reading, waking).ConfigureAwait(false)).ConfigureAwait(false);
                IsAnswered = link.IsAnswered(clock.Now.Elapsed);
                if (!reading.IsCompleted)
                {
                    continue;
                }

                ReadResult read = await reading.ConfigureAwait(false);
                if (await TakeAsync(read.Buffer, link, cancellationToken).ConfigureAwait(false))
                {
                    heardAt = clock.Now.Elapsed;
                }

                line.Input.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted || read.IsCanceled)
                {
                    throw new IOException($"{place.Path} was closed");
                }

                IsAnswered = link.IsAnswered(clock.Now.Elapsed);
                reading = line.Input.ReadAsync(cancellationToken).AsTask();
            }
        }
        finally
        {
            await line.DisposeAsync().ConfigureAwait(false);
            await ((Task)reading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await line.Input.CompleteAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Whether any frame came that this host's link understood.</summary>
    private async Task<bool> TakeAsync(
        ReadOnlySequence<byte> bytes, ChannelLink link, CancellationToken cancellationToken)
    {
        bool isHeard = false;
        foreach (ReadOnlyMemory<byte> piece in bytes)
        {
            foreach (ChannelLinkEvent happened in link.Receive(piece.Span, clock.Now.Elapsed))
            {
                if (happened is ChannelLinkEvent.Received received)
                {
                    await AwaitTurnAsync(cancellationToken).ConfigureAwait(false);
                    await TakeAsync(received.Message, link, cancellationToken).ConfigureAwait(false);
                }
            }

            isHeard |= link.IsAnswered(clock.Now.Elapsed);
        }

        await PaceAsync((int)bytes.Length, cancellationToken).ConfigureAwait(false);
        return isHeard;
    }

    private async Task TakeAsync(byte[] message, ChannelLink link, CancellationToken cancellationToken)
    {
        BridgeInput? input = ChannelCodec.TryDecode(message) switch
        {
            ChannelMessage.Report { Content: var report } => Said(_report = report),
            ChannelMessage.Heartbeat beat when _report is { } report
                && beat.BootId == report.BootId && beat.Sequence == report.Sequence => Said(report),
            ChannelMessage.Heartbeat => null,
            ChannelMessage.Outcome { Content: var outcome } => Answered(outcome, link),
            _ => new BridgeInput.ReportRejected(
                place.Guest, place.Domain, "what it sent over its channel is malformed"),
        };
        if (input is not null)
        {
            await inputs.PostAsync(input, cancellationToken).ConfigureAwait(false);
        }
    }

    private BridgeInput.ReportRead Said(GuestReport report)
        => new(place.Guest, place.Domain, report, IsNew: true) { Carrier = ReportCarrier.Channel };

    /// <summary>What is answered is not brought again to an agent that was started anew.</summary>
    private BridgeInput.OutcomeRead Answered(RequestOutcome outcome, ChannelLink link)
    {
        lock (_gate)
        {
            if (_standing?.Id == outcome.Id)
            {
                link.Forget(ChannelTopic.Request);
                _standing = null;
            }
        }

        return new BridgeInput.OutcomeRead(place.Guest, place.Domain, outcome);
    }

    private void OfferStanding(ChannelLink link)
    {
        lock (_gate)
        {
            _toOffer = _standing is { } standing ? ChannelCodec.Encode(new ChannelMessage.Request(standing)) : null;
        }

        OfferNews(link);
    }

    private void OfferNews(ChannelLink link)
    {
        lock (_gate)
        {
            if (_toOffer is { } message)
            {
                link.Offer(ChannelTopic.Request, message);
                _toOffer = null;
            }
        }
    }

    private async Task SendAsync(ChannelLine line, ChannelLink link, CancellationToken cancellationToken)
    {
        while (link.TakeFrame(_frame, clock.Now.Elapsed) is var size && size > 0)
        {
            await line.WriteAsync(_frame.AsMemory(0, size), cancellationToken).AsTask()
                .WaitAsync(WriteLimit, clock.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task AwaitTurnAsync(CancellationToken cancellationToken)
    {
        while (!_bucket.TryTake(clock.Now.Elapsed))
        {
            await Task.Delay(Second / 4, clock.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task PaceAsync(int sizeBytes, CancellationToken cancellationToken)
    {
        TimeSpan now = clock.Now.Elapsed;
        (_secondBegan, _bytesThisSecond) = now - _secondBegan >= Second ? (now, 0) : (_secondBegan, _bytesThisSecond);
        _bytesThisSecond += sizeBytes;
        if (_bytesThisSecond > MaxBytesPerSecond)
        {
            await Task.Delay(_secondBegan + Second - now, clock.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Waits for a request to bring, for a second at most: then the link may have something to send.</summary>
    private async Task AwaitNewsAsync(CancellationToken cancellationToken)
    {
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limited.CancelAfter(Second);
        try
        {
            _ = await _wake.Reader.WaitToReadAsync(limited.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The second is over.
        }
    }

    private void Wake() => _wake.Writer.TryWrite(true);
}
