namespace Protocol.Xenstore.Client;

/// <summary>The limits of an <see cref="XenstoreClient"/>.</summary>
public sealed record XenstoreClientOptions
{
    /// <summary>Spreads the attempts to connect. Used by one task at a time; a seed repeats a run.</summary>
    public required Random Jitter { get; init; }

    /// <summary>The wait before the second attempt to connect; doubled for each further one.</summary>
    public TimeSpan MinBackOff { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest wait between two attempts to connect.</summary>
    public TimeSpan MaxBackOff { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long one request may take, waiting for its turn included. Then the link counts as broken.</summary>
    public TimeSpan RequestTimeLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How many requests may wait for an answer at once; a further caller waits for its turn.</summary>
    public int MaxRequestsInFlight { get; init; } = 64;

    /// <summary>
    /// How many different paths below one watch may wait to be read as events; beyond, the watched path stands for
    /// the rest. So a guest that floods its own paths costs its own watch precision, and nobody memory.
    /// </summary>
    public int MaxPendingEventsPerWatch { get; init; } = 64;

    /// <summary>
    /// How long the link is left alone after events alone were read, none by default: xenstored sends each event by
    /// itself, and what gathers meanwhile is read at once. A listener to many guests saves half its processor time by
    /// 5 ms; a request made within it is answered that much later. Left out while a whole reading waits already.
    /// </summary>
    public TimeSpan PauseAfterEvents { get; init; } = TimeSpan.Zero;

    /// <summary>How often a long list of children is begun anew because it changed meanwhile.</summary>
    public int MaxDirectoryRestarts { get; init; } = 8;

    /// <summary>The longest list of children that is collected; a guest can make about a thousand of them.</summary>
    public int MaxDirectorySizeBytes { get; init; } = 1024 * 1024;
}
