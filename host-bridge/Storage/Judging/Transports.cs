namespace HostBridge.Storage.Judging;

/// <summary>A connection of an iSCSI session.</summary>
/// <param name="Name">The kernel's name, like <c>connection2:0</c>.</param>
/// <param name="State">up, down, failed or bound; null on kernels that do not tell (before 5.7).</param>
/// <param name="Portal">The address and port it was made to; empty when not known.</param>
internal sealed record IscsiConnection(string Name, string? State, string Portal);

/// <summary>An iSCSI session.</summary>
/// <param name="Name">The kernel's name, like <c>session2</c>; no other session of this boot has it.</param>
/// <param name="State">LOGGED_IN, FAILED or FREE; null when it cannot be read.</param>
/// <param name="TargetName">The target's iqn; empty when not known.</param>
/// <param name="RecoveryTimeoutSeconds">
/// After how long without a connection the disks fail (recovery_tmo); −1 is never, null when not known.
/// </param>
/// <param name="Connections">Its connections; Linux makes one.</param>
internal sealed record IscsiSession(
    string Name, string? State, string TargetName, int? RecoveryTimeoutSeconds,
    IReadOnlyList<IscsiConnection> Connections);

/// <summary>A remote port of a Fibre Channel fabric.</summary>
/// <param name="Name">The kernel's name, like <c>rport-3:0-1</c>.</param>
/// <param name="State">Online, Blocked, Not Present, Marginal, …; null when it cannot be read.</param>
/// <param name="NodeName">The array's world-wide name; empty when not known.</param>
internal sealed record RemotePort(string Name, string? State, string NodeName);

/// <summary>How a SCSI disk is reached.</summary>
internal abstract record ScsiTransport
{
    private ScsiTransport()
    {
    }

    /// <summary>Over an iSCSI session.</summary>
    /// <param name="Session">The session.</param>
    internal sealed record Iscsi(IscsiSession Session) : ScsiTransport;

    /// <summary>Over Fibre Channel.</summary>
    /// <param name="Port">The port.</param>
    internal sealed record FibreChannel(RemotePort Port) : ScsiTransport;

    /// <summary>Over a bus of this host, of which there is nothing to be known but the disk's own state.</summary>
    internal sealed record Local : ScsiTransport;
}

/// <summary>An NVMe controller that leads to a namespace.</summary>
/// <param name="Name">The kernel's name, like <c>nvme0</c>.</param>
/// <param name="State">live, connecting, resetting, dead, …; null when it cannot be read.</param>
/// <param name="Transport">tcp, rdma, fc, pcie or loop; empty when not known.</param>
/// <param name="AccessState">
/// What the array says of this path (ana_state): optimized, non-optimized, inaccessible, …; null without ANA.
/// </param>
internal sealed record NvmePath(string Name, string? State, string Transport, string? AccessState);
