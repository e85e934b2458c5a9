using System.Globalization;
using System.IO.Pipelines;

namespace Protocol.Xenstore.Client;

/// <content>Requests: their turn, their way out, their end.</content>
internal sealed partial class XenstoreConnection : IThreadPoolWorkItem
{
    // Guarded by the gate. A request waits for its turn in the first, for its answer in the other two; both lists are
    // in the order in which the requests were made.
    private readonly LinkedList<XenstoreExchange> _unsent = new();
    private readonly LinkedList<XenstoreExchange> _sent = new();
    private readonly Dictionary<uint, XenstoreExchange> _sentById;
    private readonly Stack<XenstoreExchange> _unused;
    private bool _isSending;
    private bool _isTimed;

    /// <summary>
    /// Makes a request. It waits for its turn when as many as allowed are in flight. A cancelled caller leaves, and
    /// the answer is dropped when it comes. When the connection ends, the outcome is an
    /// <see cref="XenstoreLinkException"/>.
    /// </summary>
    public XenstoreExchange Begin(in XenstoreRequest request, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
        {
            return XenstoreExchange.Failed(new OperationCanceledException(cancellation));
        }

        XenstoreExchange? exchange;
        bool isAlone;
        lock (_gate)
        {
            if (_endReason is not null)
            {
                return XenstoreExchange.Failed(new XenstoreLinkException(_path, _endReason));
            }

            exchange = _unused.TryPop(out XenstoreExchange? unused) ? unused : new XenstoreExchange(this);
            exchange.Begin(request, _time.GetTimestamp());
            isAlone = _sent.Count == 0;
            _unsent.AddLast(exchange.Place);
            if (!_isTimed)
            {
                _isTimed = true;
                _timer.Change(_timeLimit, Timeout.InfiniteTimeSpan);
            }
        }

        exchange.CancelWith(cancellation);
        Send(isAlone);
        return exchange;
    }

    /// <summary>Takes back an exchange whose answer the caller has.</summary>
    public void Reuse(XenstoreExchange exchange)
    {
        exchange.Reset();
        lock (_gate)
        {
            if (_unused.Count < _maxInFlight)
            {
                _unused.Push(exchange);
            }
        }
    }

    /// <summary>The caller waits no longer; false when the outcome is decided already.</summary>
    public bool TryLeave(XenstoreExchange exchange)
    {
        lock (_gate)
        {
            if (exchange.IsSettled)
            {
                return false;
            }

            exchange.IsSettled = true;
            if (exchange.Place.List == _unsent)
            {
                _unsent.Remove(exchange.Place);
            }

            return true;
        }
    }

    void IThreadPoolWorkItem.Execute() => SendAll();

    /// <summary>
    /// Sends what has its turn, unless somebody is at it: whoever is, sends for all. With others in flight the pool
    /// does it a little later, so that the callers that were answered together are sent together.
    /// </summary>
    private void Send(bool now)
    {
        lock (_gate)
        {
            if (_isSending || _unsent.Count == 0 || _sent.Count == _maxInFlight)
            {
                return;
            }

            _isSending = true;
        }

        if (now)
        {
            SendAll();
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    private void SendAll()
    {
        while (TryFillOutput())
        {
            ValueTask<FlushResult> flushing = _output.FlushAsync();
            if (!flushing.IsCompletedSuccessfully)
            {
                // The socket is full or broken, which is rare: else no task is needed.
                _ = SendRestAsync(flushing);
                return;
            }
        }
    }

    private async Task SendRestAsync(ValueTask<FlushResult> flushing)
    {
        try
        {
            await flushing.ConfigureAwait(false);
            SendAll();
        }
        catch (Exception exception) when (IsEnd(exception))
        {
            End($"writing failed ({exception.Message}); a new connection is made");
        }
    }

    /// <summary>False when there is nothing to send (any longer); then the next may begin to send.</summary>
    private bool TryFillOutput()
    {
        lock (_gate)
        {
            bool isFilled = false;
            while (_unsent.First is { } first && _session.TryBegin(first.Value.Request, out uint requestId))
            {
                _unsent.Remove(first);
                _sent.AddLast(first);
                _sentById.Add(requestId, first.Value);
                XenstoreRequest request = first.Value.Request;
                request.WriteTo(requestId, _output.GetSpan(request.SizeBytes));
                _output.Advance(request.SizeBytes);
                isFilled = true;
            }

            _isSending = isFilled;
            return isFilled;
        }
    }

    /// <summary>Finds whom a reply is for, under the gate; null when the caller has left.</summary>
    private XenstoreExchange? Settle(uint requestId)
    {
        _sentById.Remove(requestId, out XenstoreExchange? exchange);
        _sent.Remove(exchange!.Place);
        if (exchange.IsSettled)
        {
            return null;
        }

        exchange.IsSettled = true;
        return exchange;
    }

    /// <summary>Settles every exchange, under the gate.</summary>
    /// <returns>Whose callers wait.</returns>
    private List<XenstoreExchange> SettleAll()
    {
        List<XenstoreExchange> waiting = [.. _sent.Concat(_unsent).Where(exchange => !exchange.IsSettled)];
        waiting.ForEach(exchange => exchange.IsSettled = true);
        _sent.Clear();
        _sentById.Clear();
        _unsent.Clear();
        return waiting;
    }

    /// <summary>
    /// Ends the connection when the oldest request has had its time: a daemon that is silent for so long may never
    /// speak again here, and a new connection is the way out.
    /// </summary>
    private void CheckTimeLimit()
    {
        XenstoreOperation operation;
        lock (_gate)
        {
            XenstoreExchange? oldest = (_sent.First ?? _unsent.First)?.Value;
            if (oldest is null)
            {
                _isTimed = false;
                return;
            }

            TimeSpan left = _timeLimit - _time.GetElapsedTime(oldest.StartedAt);
            if (left > TimeSpan.Zero)
            {
                _timer.Change(left, Timeout.InfiniteTimeSpan);
                return;
            }

            operation = oldest.Request.Operation;
        }

        End(string.Create(
            CultureInfo.InvariantCulture,
            $"{operation} was not answered within {_timeLimit.TotalSeconds} s: "
            + $"look whether xenstored runs; a new connection is made"));
    }
}
