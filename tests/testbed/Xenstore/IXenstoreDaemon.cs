namespace Testbed.Xenstore;

/// <summary>
/// A xenstore daemon for tests with the hands of a toolstack: it speaks the wire protocol on a unix socket for Dom0
/// and on one for each domain.
/// </summary>
public interface IXenstoreDaemon : IAsyncDisposable
{
    /// <summary>Dom0's socket.</summary>
    string SocketPath { get; }

    /// <summary>The socket on which a client is a domain, while that domain lives.</summary>
    string DomainSocketPath(int domainId);

    /// <summary>
    /// Makes a domain as libxl does: its nodes (<see cref="DomainNodes"/>) and its socket. Fires
    /// <c>@introduceDomain</c>.
    /// </summary>
    /// <param name="domainId">Its number, from 1.</param>
    /// <param name="name">Its name; null for one made from the number.</param>
    /// <param name="uuid">Its uuid; null for one made from the number.</param>
    void IntroduceDomain(int domainId, string? name = null, string? uuid = null);

    /// <summary>A domain shuts down or crashes, but is not removed yet: fires <c>@releaseDomain</c>.</summary>
    void ShutDownDomain(int domainId);

    /// <summary>
    /// Ends a domain as libxl does: its home goes, its clients are dropped, everything that it owned is removed, and
    /// <c>@releaseDomain</c> fires.
    /// </summary>
    void ReleaseDomain(int domainId);

    /// <summary>
    /// From now on nothing is answered and no event is sent; connections are still taken. What was asked meanwhile
    /// is answered after <see cref="Thaw"/>.
    /// </summary>
    void Freeze();

    /// <summary>Ends <see cref="Freeze"/>.</summary>
    void Thaw();

    /// <summary>The daemon dies: every client is dropped, nothing listens, and what it knew is lost.</summary>
    void Kill();

    /// <summary>The daemon is there again after <see cref="Kill"/>; it knows the nodes of the domains, anew.</summary>
    void Restart();
}
