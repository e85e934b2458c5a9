namespace Protocol.Xenstore.Client;

/// <summary>
/// The way to xenstore is broken: nothing listens, the connection dropped or does not answer, or the peer broke the
/// protocol. The message names the path, what is wrong and what to do.
/// </summary>
public sealed class XenstoreLinkException : IOException
{
    /// <summary>A broken link.</summary>
    /// <param name="path">The socket or device.</param>
    /// <param name="reason">What is wrong and what to do, without a full stop.</param>
    /// <param name="innerException">What the system said; null when it said nothing.</param>
    public XenstoreLinkException(string path, string reason, Exception? innerException = null)
        : base($"xenstore at {path}: {reason}", innerException)
    {
        Path = path;
        Reason = reason;
    }

    /// <summary>The socket or device.</summary>
    public string Path { get; }

    /// <summary>Whether it could not be opened for want of permission (EACCES): root asks a security module why.</summary>
    public bool IsDenied { get; init; }

    /// <summary>What is wrong and what to do.</summary>
    public string Reason { get; }
}
