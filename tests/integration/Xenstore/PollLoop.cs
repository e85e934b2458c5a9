using Mono.Unix.Native;
using Protocol.Xenstore;
using Protocol.Xenstore.Client;
using Xunit;

namespace Tests.Integration.Xenstore;

/// <summary>The smallest poll loop around an <see cref="XenstorePoller"/>.</summary>
internal sealed class PollLoop(string path) : IDisposable
{
    public XenstorePoller Poller { get; } = XenstorePoller.Open(path);

    /// <summary>Sends a request and returns its answer; events on the way are kept.</summary>
    public XenstoreReply Ask(in XenstoreRequest request)
    {
        Assert.True(Poller.TrySend(request, out uint requestId));
        while (true)
        {
            XenstorePollerEvent received = Next();
            if (received.Watch is { } fired)
            {
                Events.Enqueue(fired);
                continue;
            }

            Assert.Equal(requestId, received.Reply!.Value.RequestId);
            return received.Reply.Value;
        }
    }

    /// <summary>The events that came while an answer was waited for.</summary>
    public Queue<XenstoreWatchEvent> Events { get; } = new();

    /// <summary>The next reply or event.</summary>
    public XenstorePollerEvent Next()
    {
        while (true)
        {
            if (Poller.FinishSending() && Poller.TryReceive(out XenstorePollerEvent received))
            {
                return received;
            }

            PollEvents wanted = PollEvents.POLLIN | (Poller.IsSendingUnfinished ? PollEvents.POLLOUT : 0);
            Pollfd[] watched = [new() { fd = Poller.FileDescriptor, events = wanted }];
            int ready = Syscall.poll(watched, (int)ContractStage.Patience.TotalMilliseconds);
            // The runtime stops threads by signals, and poll(2) is never restarted after one.
            Assert.True(ready == 1 || (ready < 0 && Stdlib.GetLastError() == Errno.EINTR), $"poll: {ready}");
        }
    }

    /// <summary>Reads until the link breaks.</summary>
    public void ReadForEver()
    {
        while (true)
        {
            Next();
        }
    }

    public void Dispose() => Poller.Dispose();
}
