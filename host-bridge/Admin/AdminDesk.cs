using System.Collections.Concurrent;
using HostBridge.Recovery;

namespace HostBridge.Admin;

/// <summary>
/// Where people's questions wait for whoever turns the loop: only that task may look at it. A question is a look, which
/// changes nothing and takes microseconds; what is made of it is made elsewhere. There are never more of them than
/// clients at once.
/// </summary>
/// <param name="inputs">The queue of the loop, by which it is woken.</param>
internal sealed class AdminDesk(BridgeInputQueue inputs)
{
    private readonly ConcurrentQueue<Action<BridgeLoop, Moment>> _questions = new();

    /// <summary>Has something looked at, and returns what was seen.</summary>
    public async Task<T> AskAsync<T>(Func<BridgeLoop, Moment, T> look, CancellationToken cancellationToken)
    {
        var seen = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _questions.Enqueue((loop, now) =>
        {
            if (!cancellationToken.IsCancellationRequested)
            {
                seen.TrySetResult(look(loop, now));
            }
        });
        await inputs.PostAsync(new BridgeInput.Asked(), cancellationToken).ConfigureAwait(false);
        return await seen.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Brings an input, and returns when it was queued; what is asked later sees what it led to.</summary>
    public ValueTask PostAsync(BridgeInput input, CancellationToken cancellationToken)
        => inputs.PostAsync(input, cancellationToken);

    /// <summary>Answers what waits. Called by the task that turns the loop, and by no other.</summary>
    public void Answer(BridgeLoop loop, Moment now)
    {
        while (_questions.TryDequeue(out Action<BridgeLoop, Moment>? question))
        {
            question(loop, now);
        }
    }
}
