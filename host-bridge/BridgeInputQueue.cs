using System.Threading.Channels;

namespace HostBridge;

/// <summary>The one queue that leads into the bridge. Bounded: who brings inputs waits while it is full.</summary>
internal sealed class BridgeInputQueue
{
    private const int Capacity = 1024;

    private readonly Channel<BridgeInput> _channel = Channel.CreateBounded<BridgeInput>(
        new BoundedChannelOptions(Capacity) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    /// <summary>Brings an input; waits while the queue is full.</summary>
    public ValueTask PostAsync(BridgeInput input, CancellationToken cancellationToken)
        => _channel.Writer.WriteAsync(input, cancellationToken);

    /// <summary>Brings an input that is not missed when the queue is full.</summary>
    public bool TryPost(BridgeInput input) => _channel.Writer.TryWrite(input);

    /// <summary>Every input, for the one driver.</summary>
    public IAsyncEnumerable<BridgeInput> ReadAllAsync(CancellationToken cancellationToken)
        => _channel.Reader.ReadAllAsync(cancellationToken);
}
