using Protocol.Health;

namespace GuestAgent.Detection;

/// <summary>Where it is written down how a filesystem is to be mounted.</summary>
internal enum WishSource
{
    /// <summary>Nowhere that is known.</summary>
    None = 0,

    /// <summary><c>/etc/fstab</c>.</summary>
    Fstab,

    /// <summary>The options of a systemd mount unit (systemd.mount(5)).</summary>
    SystemdUnit,

    /// <summary>The kernel command line.</summary>
    CommandLine,

    /// <summary>The key <c>read-only</c> of guest-agent.conf.</summary>
    Key,
}

/// <summary>How a filesystem is to be mounted, as far as that is written down.</summary>
/// <param name="Source">Where it is written.</param>
/// <param name="IsReadOnly">Whether it is to be read-only; false where nothing is written.</param>
internal readonly record struct MountWish(WishSource Source, bool IsReadOnly)
{
    /// <summary>Nothing is written down.</summary>
    public static MountWish None { get; }

    /// <summary>It is written down that it is to be mounted read-write.</summary>
    public bool IsReadWrite => Source != WishSource.None && !IsReadOnly;

    /// <summary>The reason of a verdict that rests on it; null when it is not to be read-only.</summary>
    public VerdictReason? Reason => !IsReadOnly ? null : Source switch
    {
        WishSource.Fstab => VerdictReason.Fstab,
        WishSource.SystemdUnit => VerdictReason.SystemdUnit,
        WishSource.CommandLine => VerdictReason.CommandLine,
        WishSource.Key => VerdictReason.ReadOnlyKey,
        _ => null,
    };
}
