namespace Protocol.Xenstore;

/// <summary>
/// The message types of the xenstore wire (xen/include/public/io/xs_wire.h). The values are the numbers on the wire.
/// The product sends only those that <see cref="XenstoreRequest"/> can make; the rest are named so that a peer's
/// message can be told from garbage.
/// </summary>
public enum XenstoreOperation
{
    /// <summary>Control of the daemon itself.</summary>
    Control = 0,

    /// <summary>The names of a node's children.</summary>
    Directory = 1,

    /// <summary>The value of a node.</summary>
    Read = 2,

    /// <summary>The permissions of a node.</summary>
    GetPermissions = 3,

    /// <summary>Be told of changes of a node and everything below it.</summary>
    Watch = 4,

    /// <summary>Be told no longer.</summary>
    Unwatch = 5,

    /// <summary>Begin a transaction.</summary>
    TransactionStart = 6,

    /// <summary>End a transaction.</summary>
    TransactionEnd = 7,

    /// <summary>Tell the daemon of a new domain.</summary>
    Introduce = 8,

    /// <summary>Tell the daemon that a domain is gone.</summary>
    Release = 9,

    /// <summary>The home of a domain, as text; says nothing about its existence.</summary>
    GetDomainPath = 10,

    /// <summary>Set a node's value; missing parents are made.</summary>
    Write = 11,

    /// <summary>Make a node with an empty value; an existing one stays as it is.</summary>
    MakeDirectory = 12,

    /// <summary>Remove a node and everything below it.</summary>
    Remove = 13,

    /// <summary>Set a node's permissions.</summary>
    SetPermissions = 14,

    /// <summary>From the daemon only: a watch fired.</summary>
    WatchEvent = 15,

    /// <summary>From the daemon only: the request failed.</summary>
    Error = 16,

    /// <summary>Whether a domain was introduced.</summary>
    IsDomainIntroduced = 17,

    /// <summary>A domain was resumed.</summary>
    Resume = 18,

    /// <summary>A domain may act for another.</summary>
    SetTarget = 19,

    /// <summary>Drop every watch and transaction of the connection. Never sent: drivers lose theirs.</summary>
    ResetWatches = 21,

    /// <summary>A part of a list of children that is too long for one message; from Xen 4.9.</summary>
    DirectoryPart = 22,

    /// <summary>The optional features of the daemon; from Xen 4.21.</summary>
    GetFeature = 23,

    /// <summary>Set the features that a domain sees; from Xen 4.21.</summary>
    SetFeature = 24,

    /// <summary>The quotas; from Xen 4.21.</summary>
    GetQuota = 25,

    /// <summary>Set a quota; from Xen 4.21.</summary>
    SetQuota = 26,
}
