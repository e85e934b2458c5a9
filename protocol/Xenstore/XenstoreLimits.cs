namespace Protocol.Xenstore;

/// <summary>The limits of the xenstore wire (xs_wire.h) and of the ways to it.</summary>
public static class XenstoreLimits
{
    /// <summary>The header before every payload.</summary>
    public const int HeaderSizeBytes = 16;

    /// <summary>The longest payload in both directions; a longer one makes the daemon drop the connection.</summary>
    public const int MaxPayloadSizeBytes = 4096;

    /// <summary>
    /// The longest payload that <c>/dev/xen/xenbus</c> takes: the kernel's buffer of 4096 bytes holds the header too.
    /// </summary>
    public const int MaxDevicePayloadSizeBytes = MaxPayloadSizeBytes - HeaderSizeBytes;

    /// <summary>The longest absolute path.</summary>
    public const int MaxAbsolutePathLength = 3072;

    /// <summary>The longest relative path, and the longest name of a special such as <c>@releaseDomain</c>.</summary>
    public const int MaxRelativePathLength = 2048;

    /// <summary>
    /// The longest token of ours: an event carries path and token, and one over the payload's limit is never sent.
    /// </summary>
    public const int MaxTokenLength = 128;

    /// <summary>The most permissions of one node (the daemon's default quota).</summary>
    public const int MaxPermissions = 5;

    /// <summary>The largest domain id that the wire is used with (domid_t is 16 bits).</summary>
    public const int MaxDomainId = ushort.MaxValue;
}
