namespace Testbed.Domains;

/// <summary>One disk of a domain.</summary>
/// <param name="VirtualDevice">Its number in xenstore: 51712 for xvda, 51728 for xvdb.</param>
/// <param name="FilesystemType">ext3 or ext4.</param>
/// <param name="MountPoint">Where the domain mounts it; <c>/</c> for the root.</param>
public sealed record DiskDefinition(int VirtualDevice, string FilesystemType, string MountPoint)
{
    /// <summary>The number of xvda.</summary>
    public const int Xvda = 51712;

    /// <summary>The number of xvdb.</summary>
    public const int Xvdb = 51728;

    /// <summary>Whether the domain's fstab has it. The root's line is always there.</summary>
    public bool InFstab { get; init; } = true;

    /// <summary>Whether it is a <see cref="FaultDisk"/>, which fails and blocks what it is told.</summary>
    public bool IsFaultDisk { get; init; }

    /// <summary>Whether it is the root.</summary>
    public bool IsRoot => MountPoint == "/";

    /// <summary>The name a Xen guest would give it: xvda, xvdb, …</summary>
    public string VirtualName => $"xvd{(char)('a' + ((VirtualDevice - Xvda) / 16))}";
}

/// <summary>A program that the image gets, with every library it needs.</summary>
/// <param name="Source">Where it is on the machine.</param>
/// <param name="Target">Where the domain has it.</param>
public sealed record ProgramFile(string Source, string Target);

/// <summary>What a domain is, through all its boots: the testbed's counterpart of an xl configuration file.</summary>
public sealed record DomainDefinition
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Its uuid, which survives restarts.</summary>
    public required Guid Uuid { get; init; }

    /// <summary>Its disks, the root first.</summary>
    public required IReadOnlyList<DiskDefinition> Disks { get; init; }

    /// <summary>
    /// The programs in its root besides <c>mount</c>, <c>umount</c> and <c>e2fsck</c>, which every image has.
    /// </summary>
    public required IReadOnlyList<ProgramFile> Programs { get; init; }

    /// <summary>The command that runs as its first process.</summary>
    public required IReadOnlyList<string> Command { get; init; }
}
