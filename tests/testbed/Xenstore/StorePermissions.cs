using Protocol.Xenstore;

namespace Testbed.Xenstore;

/// <summary>Who may do what, and what one who may not is told.</summary>
internal static class StorePermissions
{
    /// <summary>The only domain with privileges.</summary>
    public const int Dom0 = 0;

    /// <summary>The permissions of what only Dom0 may see.</summary>
    public static IReadOnlyList<XenstorePermission> Dom0Only { get; } = [new(XenstoreAccess.None, Dom0)];

    /// <summary>What a domain may do. The first entry names the owner and the default for all others.</summary>
    /// <param name="domainId">The domain.</param>
    /// <param name="permissions">The entries.</param>
    /// <param name="voidFor">The domains whose own entries mean nothing.</param>
    public static XenstoreAccess AccessOf(
        int domainId,
        IReadOnlyList<XenstorePermission> permissions,
        IReadOnlySet<int> voidFor)
    {
        if (domainId == Dom0 || permissions[0].DomainId == domainId)
        {
            return XenstoreAccess.Both;
        }

        foreach (XenstorePermission entry in permissions.Skip(1))
        {
            if (entry.DomainId == domainId && !voidFor.Contains(domainId))
            {
                return entry.Access;
            }
        }

        return permissions[0].Access;
    }

    /// <summary>Whether a domain may do something with a node.</summary>
    public static bool Allows(this StoreNode node, int domainId, XenstoreAccess wanted)
        => (AccessOf(domainId, node.Permissions, node.VoidFor) & wanted) == wanted;

    /// <summary>Whether a domain owns a node or is Dom0, which may do the same.</summary>
    public static bool Owns(int domainId, StoreNode node) => domainId == Dom0 || node.Owner == domainId;
}
