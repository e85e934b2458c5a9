namespace Protocol.Xenstore.Client;

/// <summary>What happens to an <see cref="XenstoreClient"/> without being asked.</summary>
public abstract record XenstoreEvent
{
    private XenstoreEvent()
    {
    }

    /// <summary>
    /// Something changed at or below a watched path: read it again. Identical ones are folded while they wait, and
    /// when many paths below one watch wait, the watched path stands for the rest.
    /// </summary>
    /// <param name="Path">What changed, or the watched path itself: then anything below it may have.</param>
    /// <param name="Token">The token given with the watch.</param>
    public sealed record WatchFired(string Path, string Token) : XenstoreEvent;

    /// <summary>
    /// The connection stands and every watch is registered (again). Whatever was known before may be outdated:
    /// read everything again.
    /// </summary>
    /// <param name="Generation">Counts the connections, from 1.</param>
    public sealed record Connected(int Generation) : XenstoreEvent;

    /// <summary>The connection is gone, or could not be made; the client tries again by itself.</summary>
    /// <param name="Reason">For a person.</param>
    public sealed record Disconnected(string Reason) : XenstoreEvent;
}
