using HostBridge.Storage.Judging;

namespace HostBridge.Storage;

/// <summary>
/// Reads iSCSI sessions, Fibre Channel ports and NVMe controllers. Within one look each is read once, however many
/// disks it carries.
/// </summary>
/// <param name="files">The host's files.</param>
internal sealed class TransportReader(HostFiles files)
{
    private readonly Dictionary<string, IscsiSession> _sessions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RemotePort> _ports = new(StringComparer.Ordinal);

    /// <summary>A session, like <c>session2</c>. One that is not there any more has no state.</summary>
    public IscsiSession Session(string name)
    {
        if (!_sessions.TryGetValue(name, out IscsiSession? session))
        {
            string folder = files.Sys($"class/iscsi_session/{name}");
            session = new IscsiSession(
                name,
                HostFiles.TryRead($"{folder}/state"),
                HostFiles.TryRead($"{folder}/targetname") ?? string.Empty,
                (int?)HostFiles.TryReadNumber($"{folder}/recovery_tmo"),
                Connections(name));
            _sessions[name] = session;
        }

        return session;
    }

    /// <summary>Every session of this host.</summary>
    public IReadOnlyList<IscsiSession> Sessions()
        => [.. HostFiles.Names(files.Sys("class/iscsi_session")).Select(Session)];

    /// <summary>A port, like <c>rport-3:0-1</c>. One that is not there any more has no state.</summary>
    public RemotePort Port(string name)
    {
        if (!_ports.TryGetValue(name, out RemotePort? port))
        {
            string folder = files.Sys($"class/fc_remote_ports/{name}");
            port = new RemotePort(
                name,
                HostFiles.TryRead($"{folder}/port_state"),
                HostFiles.TryRead($"{folder}/node_name") ?? string.Empty);
            _ports[name] = port;
        }

        return port;
    }

    /// <summary>A controller, like <c>nvme0</c>, as the way to a namespace.</summary>
    /// <param name="name">The controller.</param>
    /// <param name="path">The hidden block device of this way, like <c>nvme0c0n1</c>; null without one.</param>
    public NvmePath Controller(string name, string? path)
    {
        string folder = files.Sys($"class/nvme/{name}");
        return new NvmePath(
            name,
            HostFiles.TryRead($"{folder}/state"),
            HostFiles.TryRead($"{folder}/transport") ?? string.Empty,
            path is null ? null : HostFiles.TryRead($"{folder}/{path}/ana_state"));
    }

    /// <summary>
    /// A session has the connections connectionN:0, connectionN:1, …; Linux makes the first one alone.
    /// </summary>
    private List<IscsiConnection> Connections(string session)
    {
        const int MaxConnections = 8;
        var connections = new List<IscsiConnection>();
        for (int number = 0; number < MaxConnections; number++)
        {
            string name = $"connection{session["session".Length..]}:{number}";
            string folder = files.Sys($"class/iscsi_connection/{name}");
            string? address = HostFiles.TryRead($"{folder}/persistent_address");
            if (address is null && !Directory.Exists(folder))
            {
                break;
            }

            connections.Add(new IscsiConnection(
                name,
                HostFiles.TryRead($"{folder}/state"),
                $"{address}:{HostFiles.TryRead($"{folder}/persistent_port")}"));
        }

        return connections;
    }
}
