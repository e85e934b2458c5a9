using System.Globalization;

namespace HostBridge.Recovery;

/// <summary>A block device of Dom0 by its numbers, as <c>MAJOR:MINOR</c> in decimal.</summary>
/// <param name="Major">The major number.</param>
/// <param name="Minor">The minor number.</param>
internal readonly record struct DeviceNumber(int Major, int Minor)
{
    /// <summary>Reads <c>8:16</c>; false when it is anything else.</summary>
    public static bool TryParse(string text, out DeviceNumber device)
        => TryParse(text, NumberStyles.None, out device);

    /// <summary>Reads the backend's node <c>physical-device</c>, which is hexadecimal: <c>fd:3</c> is 253:3.</summary>
    public static bool TryParseHexadecimal(string text, out DeviceNumber device)
        => TryParse(text, NumberStyles.AllowHexSpecifier, out device);

    /// <summary>Decimal, as <c>/sys/dev/block</c> and <c>lsblk</c> spell it.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Major}:{Minor}");

    private static bool TryParse(string text, NumberStyles style, out DeviceNumber device)
    {
        device = default;
        string[] parts = text.Split(':');
        if (parts.Length != 2
            || !int.TryParse(parts[0], style, CultureInfo.InvariantCulture, out int major)
            || !int.TryParse(parts[1], style, CultureInfo.InvariantCulture, out int minor)
            || major < 0 || minor < 0)
        {
            return false;
        }

        device = new DeviceNumber(major, minor);
        return true;
    }
}

/// <summary>The disks of one guest, as the backend's side of xenstore lists them.</summary>
/// <param name="Devices">Those with a device number of this host.</param>
/// <param name="Unmappable">
/// Those without (another backend kind or domain), by a name for people; they close the gate.
/// </param>
internal sealed record GuestDisks(IReadOnlyList<DeviceNumber> Devices, IReadOnlyList<string> Unmappable)
{
    /// <summary>Nothing is known, which is not the same as a guest without disks: the gate stays closed.</summary>
    public static GuestDisks None { get; } = new([], []);

    /// <summary>Those of the devices that the guest may only read: they need not be writable here.</summary>
    public IReadOnlyList<DeviceNumber> ReadOnly { get; init; } = [];

    /// <summary>
    /// The numbers of its virtual block devices (xen-vbd-interface(7)), 51712 for xvda; those of every backend kind.
    /// </summary>
    public IReadOnlyList<int> VirtualNumbers { get; init; } = [];
}

/// <summary>What this host holds true of one disk at this moment.</summary>
/// <param name="Device">The disk.</param>
/// <param name="Operational">Whether every check that is known for it passes.</param>
/// <param name="Text">The evidence when operational, the reasons when not; for a person.</param>
/// <param name="LunGroups">
/// What it shares its fate with; recoveries are counted per group. None when that cannot be told.
/// </param>
internal sealed record DiskCondition(
    DeviceNumber Device, bool Operational, string Text, IReadOnlyList<string> LunGroups)
{
    /// <summary>
    /// The newest fault that this host itself saw on it, by its state or by the kernel's log; null when it saw none.
    /// A disk may be operational all the same: another path carries it, or the fault is over.
    /// </summary>
    public HostFault? Fault { get; init; }

    /// <summary>
    /// When it was last interrupted by the kernel's log, even if no check fell into that moment; on the monotonic
    /// clock. Null when it was not.
    /// </summary>
    public TimeSpan? InterruptedAt { get; init; }

    /// <summary>
    /// The paths that are lost while another one carries the disk, in words; null when none is lost.
    /// </summary>
    public string? LostPaths { get; init; }

    /// <summary>
    /// What tells this disk from any other, and its size; for a person and for comparing. Null when it is not known.
    /// </summary>
    public string? Identity { get; init; }

    /// <summary>
    /// Why this host cannot write to it, in words; null when it can. It closes the gate of the guests that may write to
    /// it, and of no others: a disk may be operational all the same.
    /// </summary>
    public string? WriteProtection { get; init; }

    /// <summary>Its size in bytes: a check of a large disk takes long. Null when it is not known.</summary>
    public long? SizeBytes { get; init; }

    /// <summary>Every part that carries it, as this look found it; none where that is not known.</summary>
    public IReadOnlyList<PartState> Parts { get; init; } = [];

    /// <summary>
    /// After how long without its session its I/O fails (recovery_tmo); −1 is never. Null when it is not one iSCSI
    /// session alone that decides, when that time is over, or when it is not known.
    /// </summary>
    public int? RecoveryTimeoutSeconds { get; init; }
}

/// <summary>What a part of the storage is to the disk that it carries.</summary>
internal enum PartKind
{
    /// <summary>A device of this host: a path, or the disk itself.</summary>
    Device = 0,

    /// <summary>A way to it: an iSCSI session or connection, a port, a controller.</summary>
    Way,

    /// <summary>What joins several ways: a multipath map, a namespace.</summary>
    Map,

    /// <summary>The direct read of it.</summary>
    Read,
}

/// <summary>A part of the storage at one moment.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Part">Its name, for a person: <c>session1 to iqn.…</c>, <c>sda</c>.</param>
/// <param name="State">What follows "is": <c>FAILED</c>, <c>blocked</c>, <c>on 1 of 2 paths</c>.</param>
/// <param name="IsWell">Whether nothing speaks against it.</param>
internal readonly record struct PartState(PartKind Kind, string Part, string State, bool IsWell);

/// <summary>What a domain's block backends have done so far, by <c>/sys/bus/xen-backend</c>.</summary>
/// <param name="Domain">Whose.</param>
/// <param name="Requests">Reads, writes, flushes and discards of all its disks since they were connected.</param>
internal sealed record BackendActivity(DomainId Domain, long Requests);

/// <summary>A fault that this host itself saw on a disk of a guest, apart from anything the guest says.</summary>
/// <param name="At">
/// When it was last seen, on the monotonic clock; of a lost path, when it was lost.
/// </param>
/// <param name="Text">What was seen.</param>
internal sealed record HostFault(TimeSpan At, string Text);

/// <summary>Whether anything may be done to a guest, as far as its storage goes. Unknown is closed.</summary>
internal abstract record StorageGate
{
    private StorageGate()
    {
    }

    /// <summary>Every disk is operational and has been so for long enough.</summary>
    /// <param name="Since">Since when it is open, on the monotonic clock.</param>
    /// <param name="Evidence">On what this stands.</param>
    internal sealed record Open(TimeSpan Since, string Evidence) : StorageGate;

    /// <summary>Some disk is not operational, not stable yet, or not known.</summary>
    /// <param name="Reasons">Every reason, separated by semicolons.</param>
    internal sealed record Closed(string Reasons) : StorageGate;
}

/// <summary>What is known of the storage under one guest.</summary>
/// <param name="Gate">The gate.</param>
/// <param name="LastFault">The last fault that this host saw on any of its disks; null when it saw none.</param>
/// <param name="LunGroups">The groups its disks belong to.</param>
internal sealed record StorageView(StorageGate Gate, HostFault? LastFault, IReadOnlyList<string> LunGroups)
{
    /// <summary>The size of all its disks together, in bytes; null when that of any is not known.</summary>
    public long? SizeBytes { get; init; }

    /// <summary>Whether another view says the same.</summary>
    public bool IsSameAs(StorageView other)
        => this with { LunGroups = other.LunGroups } == other
            && LunGroups.SequenceEqual(other.LunGroups, StringComparer.Ordinal);

    /// <summary>Before anything is known.</summary>
    public static StorageView Unknown { get; } = new(new StorageGate.Closed("its disks are not known yet"), null, []);
}
