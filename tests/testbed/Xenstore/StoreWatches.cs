using Protocol.Xenstore;

namespace Testbed.Xenstore;

/// <summary>Every watch of every connection. The caller holds the server's lock.</summary>
internal sealed class StoreWatches
{
    private readonly List<Watch> _watches = [];

    /// <summary>Sets a watch. The connection answers first; then the watch fires once.</summary>
    /// <param name="connection">Whose it is.</param>
    /// <param name="path">The absolute path or the special.</param>
    /// <param name="home">What to leave out of the paths in events: the home of the domain, or empty.</param>
    /// <param name="token">The token.</param>
    public XenstoreError Add(StoreConnection connection, string path, string home, string token)
    {
        if (Find(connection, path, token) is not null)
        {
            return XenstoreError.EEXIST;
        }

        // As the daemon counts: of all connections of the domain, before this one, and with this error.
        if (connection.DomainId != StorePermissions.Dom0
            && _watches.Count(one => one.Connection.DomainId == connection.DomainId) > StoreQuotas.MaxWatches)
        {
            return XenstoreError.E2BIG;
        }

        _watches.Add(new Watch(connection, path, home, token));
        return XenstoreError.None;
    }

    /// <summary>Removes a watch.</summary>
    public XenstoreError Remove(StoreConnection connection, string path, string token)
        => Find(connection, path, token) is { } watch && _watches.Remove(watch)
            ? XenstoreError.None
            : XenstoreError.ENOENT;

    /// <summary>Removes every watch of a connection.</summary>
    public void RemoveAll(StoreConnection connection) => _watches.RemoveAll(one => one.Connection == connection);

    /// <summary>A node changed: tells every connection that may read it or its parent.</summary>
    /// <param name="node">The node, still in its place.</param>
    /// <param name="change">What happened to it.</param>
    /// <param name="before">Permissions that were just changed: whoever loses the right to see it is told, too.</param>
    public void Fire(StoreNode node, StoreChange change, IReadOnlyList<XenstorePermission>? before)
    {
        string path = node.Path;
        foreach (Watch watch in _watches)
        {
            bool meant = change == StoreChange.RemovedWithParent
                ? watch.Path == path
                : XenstorePath.IsAtOrBelow(path, watch.Path);
            if (meant && MaySee(watch.Connection.DomainId, node, before))
            {
                watch.Connection.SendEvent(watch.Shown(path), watch.Token);
            }
        }
    }

    private static bool MaySee(int domainId, StoreNode node, IReadOnlyList<XenstorePermission>? before)
        => (before is not null
                && StorePermissions.AccessOf(domainId, before, node.VoidFor).HasFlag(XenstoreAccess.Read))
            || node.Allows(domainId, XenstoreAccess.Read)
            || (node.Parent?.Allows(domainId, XenstoreAccess.Read) ?? false);

    private Watch? Find(StoreConnection connection, string path, string token)
        => _watches.Find(one => one.Connection == connection && one.Path == path && one.Token == token);

    private sealed record Watch(StoreConnection Connection, string Path, string Home, string Token)
    {
        /// <summary>A path as its watcher speaks: relative when it watches by a relative path.</summary>
        public string Shown(string path) => Home.Length == 0 ? path : path[(Home.Length + 1)..];
    }
}
