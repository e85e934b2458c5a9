namespace HostBridge.Commands;

/// <summary>What is read of one output of a command, up to a bound.</summary>
/// <param name="limits">The bound, and what to do about more.</param>
internal sealed class BoundedOutput(CommandLimits limits)
{
    private const int ChunkBytes = 64 * 1024;

    private readonly Lock _lock = new();
    private readonly List<byte> _bytes = [];

    /// <summary>Whether there was more than there is room for, and that is the end of the command.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Reads to the end; false when time or room ended before, for this output or for the other.</summary>
    public async Task<bool> ReadAsync(Stream source, CancellationTokenSource timer)
    {
        byte[] chunk = new byte[ChunkBytes];
        try
        {
            while (true)
            {
                // Not waited for longer than the limit, even when the read itself cannot be called off.
                int size = await source.ReadAsync(chunk, timer.Token).AsTask().WaitAsync(timer.Token)
                    .ConfigureAwait(false);
                if (size == 0)
                {
                    return true;
                }

                if (!TryAdd(chunk.AsSpan(0, size)))
                {
                    await timer.CancelAsync().ConfigureAwait(false);
                    return false;
                }
            }
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>What was read so far.</summary>
    public byte[] Take()
    {
        lock (_lock)
        {
            return [.. _bytes];
        }
    }

    private bool TryAdd(ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            int room = limits.MaxBytes - _bytes.Count;
            _bytes.AddRange(bytes[..Math.Min(room, bytes.Length)]);
            IsFull |= bytes.Length > room && !limits.IsMoreDropped;
            return !IsFull;
        }
    }
}
