using Protocol.Xenstore;

namespace Testbed.Xenstore;

/// <summary>One node of the store.</summary>
internal sealed class StoreNode(string name, StoreNode? parent, IReadOnlyList<XenstorePermission> permissions)
{
    /// <summary>The last part of the path.</summary>
    public string Name { get; } = name;

    /// <summary>Null for the root and for specials.</summary>
    public StoreNode? Parent { get; } = parent;

    /// <summary>The owner with the default first.</summary>
    public IReadOnlyList<XenstorePermission> Permissions { get; set; } = permissions;

    /// <summary>
    /// Domains that were not there when the permissions were set, or died since: their entries are still listed, but
    /// mean nothing.
    /// </summary>
    public IReadOnlySet<int> VoidFor { get; set; } = new HashSet<int>();

    public byte[] Value { get; set; } = [];

    /// <summary>Changes with the value, the permissions and the list of children.</summary>
    public ulong Generation { get; set; }

    /// <summary>In the order in which they were made, as the daemon lists them.</summary>
    public OrderedDictionary<string, StoreNode> Children { get; } = new(StringComparer.Ordinal);

    public int Owner => Permissions[0].DomainId;

    /// <summary>The absolute path, or the name of a special.</summary>
    public string Path => Parent switch
    {
        null => Name,
        { Parent: null } => $"/{Name}",
        _ => $"{Parent.Path}/{Name}",
    };

    /// <summary>What the quota for the size of a node counts: header, permissions, value, names of children.</summary>
    public int SizeBytes
        => StoreQuotas.NodeHeaderSizeBytes
            + (Permissions.Count * StoreQuotas.PermissionSizeBytes)
            + Value.Length
            + Children.Keys.Sum(child => child.Length + 1);

    /// <summary>The node and everything below it, children before parents.</summary>
    public IEnumerable<StoreNode> FromTheLeaves()
        => Children.Values.ToList().SelectMany(child => child.FromTheLeaves()).Append(this);
}

/// <summary>The default quotas of the C daemon for every domain but Dom0 (tools/xenstored/domain.c).</summary>
internal static class StoreQuotas
{
    public const int MaxNodes = 1000;
    public const int MaxWatches = 128;

    /// <summary>A node of this size is refused already.</summary>
    public const int NodeSizeBytes = 2048;

    /// <summary>Generation and lengths, as they stand before every node (struct xs_tdb_record_hdr).</summary>
    public const int NodeHeaderSizeBytes = 24;

    public const int PermissionSizeBytes = 8;

    /// <summary>The longest path below the home of a domain, or absolute elsewhere; for Dom0 too.</summary>
    public const int MaxPathLength = 2048;

    /// <summary>So many answers may wait for a guest; then the daemon does not listen to it.</summary>
    public const int MaxOutstanding = 20;
}
