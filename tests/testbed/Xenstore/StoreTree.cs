using Protocol.Xenstore;

namespace Testbed.Xenstore;

/// <summary>What happened to a node.</summary>
internal enum StoreChange
{
    /// <summary>Made, or its value set.</summary>
    Written,

    /// <summary>Its permissions were set.</summary>
    PermissionsSet,

    /// <summary>Removed, by its own name.</summary>
    Removed,

    /// <summary>Removed with a node above: only who watches exactly this node is told of it.</summary>
    RemovedWithParent,
}

/// <summary>
/// The nodes, with the rules for who may see and change them. The caller holds the server's lock.
/// </summary>
/// <param name="onChange">
/// Told of every change while the node can still be seen: the node, what happened, and the permissions that it had
/// before when they were changed.
/// </param>
/// <param name="isDomain">Whether there is such a domain.</param>
internal sealed class StoreTree(
    Action<StoreNode, StoreChange, IReadOnlyList<XenstorePermission>?> onChange,
    Func<int, bool> isDomain)
{
    private static readonly string[] Specials = ["@introduceDomain", "@releaseDomain"];

    private StoreNode _root = NewRoot();
    private Dictionary<string, StoreNode> _specials = NewSpecials();

    private readonly Dictionary<int, int> _nodesByOwner = [];
    private ulong _generation;

    /// <summary>Forgets everything, and tells nobody.</summary>
    public void Clear()
    {
        _root = NewRoot();
        _specials = NewSpecials();
        _nodesByOwner.Clear();
    }

    /// <summary>The node at an absolute path or of a special; null when there is none.</summary>
    public StoreNode? Find(string path)
    {
        if (XenstorePath.IsSpecial(path))
        {
            return _specials.GetValueOrDefault(path);
        }

        StoreNode? node = _root;
        foreach (string part in Parts(path))
        {
            if (!node.Children.TryGetValue(part, out node))
            {
                return null;
            }
        }

        return node;
    }

    /// <summary>
    /// The node, if the domain may do this with it. One that is not there is <see cref="XenstoreError.ENOENT"/> only
    /// for those who may do the same with the nearest node above; the others learn nothing.
    /// </summary>
    public XenstoreError Get(int domainId, string path, XenstoreAccess wanted, out StoreNode? node)
    {
        node = Find(path);
        if (node is not null && node.Allows(domainId, wanted))
        {
            return XenstoreError.None;
        }

        bool exists = node is not null;
        node = null;
        return !exists && NearestAbove(path).Allows(domainId, wanted) ? XenstoreError.ENOENT : XenstoreError.EACCES;
    }

    /// <summary>Sets a value; makes the node and its parents when they are not there.</summary>
    public XenstoreError Write(int domainId, string path, byte[] value)
    {
        XenstoreError error = Get(domainId, path, XenstoreAccess.Write, out StoreNode? node);
        if (error == XenstoreError.ENOENT)
        {
            error = Create(domainId, path, value, out node);
        }
        else if (error == XenstoreError.None)
        {
            byte[] before = node!.Value;
            node.Value = value;
            if (IsTooLarge(domainId, node))
            {
                node.Value = before;
                error = XenstoreError.ENOSPC;
            }
        }

        if (error == XenstoreError.None)
        {
            Touch(node!);
            onChange(node!, StoreChange.Written, null);
        }

        return error;
    }

    /// <summary>Makes a node with an empty value; one that is there stays as it is, and nobody is told.</summary>
    public XenstoreError MakeDirectory(int domainId, string path)
    {
        XenstoreError error = Get(domainId, path, XenstoreAccess.Write, out _);
        return error == XenstoreError.ENOENT ? Write(domainId, path, []) : error;
    }

    /// <summary>Removes a node and everything below it.</summary>
    public XenstoreError Remove(int domainId, string path)
    {
        XenstoreError error = Get(domainId, path, XenstoreAccess.Write, out StoreNode? node);
        if (error == XenstoreError.ENOENT && Find(ParentOf(path)) is not null)
        {
            return XenstoreError.None;
        }

        if (error == XenstoreError.None && node!.Parent is null)
        {
            return XenstoreError.EINVAL;
        }

        if (error == XenstoreError.None)
        {
            RemoveSubtree(node!);
        }

        return error;
    }

    /// <summary>Sets permissions, as the owner or as Dom0.</summary>
    public XenstoreError SetPermissions(int domainId, string path, IReadOnlyList<XenstorePermission> permissions)
    {
        if (domainId != StorePermissions.Dom0 && permissions.Count > XenstoreLimits.MaxPermissions)
        {
            return XenstoreError.ENOSPC;
        }

        XenstoreError error = Get(domainId, path, XenstoreAccess.Write, out StoreNode? node);
        if (error != XenstoreError.None)
        {
            return error;
        }

        if (!StorePermissions.Owns(domainId, node!))
        {
            return XenstoreError.EACCES;
        }

        if (domainId != StorePermissions.Dom0 && permissions[0].DomainId != node!.Owner)
        {
            return XenstoreError.EPERM;
        }

        IReadOnlyList<XenstorePermission> before = node!.Permissions;
        Count(node, -1);
        node.Permissions = permissions;
        Count(node, +1);
        if (IsTooLarge(domainId, node))
        {
            node.Permissions = before;
            return XenstoreError.ENOSPC;
        }

        node.VoidFor = permissions.Select(entry => entry.DomainId).Where(domain => !isDomain(domain)).ToHashSet();
        Touch(node);
        onChange(node, StoreChange.PermissionsSet, before);
        return XenstoreError.None;
    }

    /// <summary>
    /// What happens to the store when a domain dies: its nodes go, and its rights in other nodes, where they stay
    /// listed.
    /// </summary>
    public void ForgetDomain(int domainId)
    {
        foreach (StoreNode node in _root.FromTheLeaves().Concat(_specials.Values).ToList())
        {
            if (node.Parent is not null && node.Owner == domainId)
            {
                RemoveSubtree(node);
            }
            else if (node.Permissions.Any(entry => entry.DomainId == domainId))
            {
                node.VoidFor = node.VoidFor.Append(domainId).ToHashSet();
            }
        }
    }

    private static StoreNode NewRoot() => new("/", null, StorePermissions.Dom0Only);

    private static Dictionary<string, StoreNode> NewSpecials()
        => Specials.ToDictionary(name => name, name => new StoreNode(name, null, StorePermissions.Dom0Only));

    private XenstoreError Create(int domainId, string path, byte[] value, out StoreNode? node)
    {
        StoreNode above = NearestAbove(path);
        List<string> missing = [.. Parts(path).Skip(Parts(above.Path).Length)];
        node = null;
        if (domainId != StorePermissions.Dom0
            && _nodesByOwner.GetValueOrDefault(domainId) + missing.Count > StoreQuotas.MaxNodes)
        {
            return XenstoreError.ENOSPC;
        }

        StoreNode last = above;
        foreach (string part in missing)
        {
            // A new node inherits; an unprivileged domain owns what it makes.
            IReadOnlyList<XenstorePermission> permissions = domainId == StorePermissions.Dom0
                ? last.Permissions
                : [last.Permissions[0] with { DomainId = domainId }, .. last.Permissions.Skip(1)];
            var child = new StoreNode(part, last, permissions) { VoidFor = last.VoidFor };
            last.Children.Add(part, child);
            Count(child, +1);
            last = child;
        }

        last.Value = value;
        if (IsTooLarge(domainId, last) || IsTooLarge(domainId, above))
        {
            Detach(above.Children[missing[0]]);
            return XenstoreError.ENOSPC;
        }

        for (StoreNode? one = last; one != above.Parent; one = one!.Parent)
        {
            Touch(one!);
        }

        node = last;
        return XenstoreError.None;
    }

    private void RemoveSubtree(StoreNode top)
    {
        foreach (StoreNode node in top.FromTheLeaves().ToList())
        {
            onChange(node, node == top ? StoreChange.Removed : StoreChange.RemovedWithParent, null);
        }

        Detach(top);
        Touch(top.Parent!);
    }

    private void Detach(StoreNode top)
    {
        foreach (StoreNode node in top.FromTheLeaves())
        {
            Count(node, -1);
        }

        top.Parent!.Children.Remove(top.Name);
    }

    private StoreNode NearestAbove(string path)
    {
        StoreNode node = _root;
        foreach (string part in Parts(ParentOf(path)))
        {
            if (!node.Children.TryGetValue(part, out StoreNode? child))
            {
                break;
            }

            node = child;
        }

        return node;
    }

    private void Count(StoreNode node, int change)
        => _nodesByOwner[node.Owner] = _nodesByOwner.GetValueOrDefault(node.Owner) + change;

    private void Touch(StoreNode node) => node.Generation = ++_generation;

    private static bool IsTooLarge(int domainId, StoreNode node)
        => domainId != StorePermissions.Dom0 && node.SizeBytes >= StoreQuotas.NodeSizeBytes;

    private static string[] Parts(string path) => path.Split('/', StringSplitOptions.RemoveEmptyEntries);

    private static string ParentOf(string path) => path[..Math.Max(1, path.LastIndexOf('/'))];
}
