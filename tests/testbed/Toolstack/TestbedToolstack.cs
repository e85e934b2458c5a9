using Protocol.Xenstore;
using Testbed.Domains;
using Testbed.Xenstore;

namespace Testbed.Toolstack;

/// <summary>
/// The testbed's xl: gives domains their domids and nodes in xenstore, starts and restarts them, and carries out
/// what other programs ask by its socket.
/// </summary>
public sealed class TestbedToolstack : IAsyncDisposable
{
    private const int Refused = 1;
    private const int Misused = 2;

    private readonly EmbeddedXenstore _xenstore;
    private readonly Action<TestbedDomain, string> _tell;
    private readonly ToolstackSocket _socket;
    private readonly List<SupervisedDomain> _domains = [];
    private int _lastDomainId;

    /// <summary>A toolstack without domains.</summary>
    /// <param name="xenstore">The store that its domains are introduced to.</param>
    /// <param name="socketPath">Where its socket is made.</param>
    /// <param name="tell">Told what happens to a domain, for people to read.</param>
    public TestbedToolstack(EmbeddedXenstore xenstore, string socketPath, Action<TestbedDomain, string> tell)
    {
        _xenstore = xenstore;
        _tell = tell;
        _socket = new ToolstackSocket(socketPath, CarryOut);
    }

    /// <summary>Starts a domain and supervises it from now on.</summary>
    public async Task<SupervisedDomain> StartAsync(TestbedDomain domain)
    {
        SupervisedDomain supervised = await SupervisedDomain.StartAsync(this, domain);
        lock (_domains)
        {
            _domains.Add(supervised);
        }

        return supervised;
    }

    /// <summary>The domain with a uuid, running or not; null when there is none.</summary>
    public SupervisedDomain? Find(Guid uuid)
    {
        lock (_domains)
        {
            return _domains.Find(one => one.Domain.Definition.Uuid == uuid);
        }
    }

    /// <summary>
    /// Writes the script that stands for this toolstack with programs that call a command: it passes its arguments
    /// to <c>testbed toolstack</c>.
    /// </summary>
    public static void WriteCommand(string script, string socketPath)
    {
        string testbed = Path.Combine(AppContext.BaseDirectory, "testbed");
        File.WriteAllText(script, $"#!/bin/sh\nexec '{testbed}' toolstack --socket '{socketPath}' \"$@\"\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    /// <summary>Stops all domains.</summary>
    public async ValueTask DisposeAsync()
    {
        await _socket.DisposeAsync();
        await Task.WhenAll(_domains.Select(domain => domain.DisposeAsync().AsTask()));
    }

    internal void Tell(TestbedDomain domain, string text) => _tell(domain, text);

    internal async Task<(int DomainId, DomainBoot Boot)> BootAsync(TestbedDomain domain)
    {
        int domainId = Interlocked.Increment(ref _lastDomainId);
        DomainDefinition definition = domain.Definition;
        foreach (Disk disk in domain.Disks)
        {
            Write(DiskNodes.Backend(domainId, disk), domainId, DiskNodes.OfBackend(domainId, disk));
        }

        _xenstore.IntroduceDomain(domainId, definition.Name, definition.Uuid.ToString());
        foreach (Disk disk in domain.Disks)
        {
            Write(DiskNodes.Frontend(domainId, disk), domainId, DiskNodes.OfFrontend(domainId, disk));
        }

        DomainBoot boot = await domain.StartAsync(_xenstore.DomainSocketPath(domainId));
        Tell(domain, $"domain {domainId} started, boot id {boot.BootId}");
        return (domainId, boot);
    }

    internal void Release(int domainId)
    {
        _xenstore.ReleaseDomain(domainId);
        _xenstore.Remove(DiskNodes.BackendFolder(domainId));
    }

    private void Write(string folder, int domainId, IEnumerable<(string Name, string Value)> nodes)
    {
        _xenstore.Write(folder, string.Empty);
        _xenstore.SetPermissions(folder, new(XenstoreAccess.None, 0), new(XenstoreAccess.Read, domainId));
        foreach ((string name, string value) in nodes)
        {
            _xenstore.Write($"{folder}/{name}", value);
        }
    }

    private ToolstackAnswer CarryOut(IReadOnlyList<string> command)
    {
        if (command.Count != 2)
        {
            return new ToolstackAnswer(Misused, "usage: force-fsck UUID | fsck-result UUID");
        }

        SupervisedDomain? domain = Guid.TryParse(command[1], out Guid uuid) ? Find(uuid) : null;
        switch (command[0])
        {
            case "force-fsck" when domain is not null:
                domain.ForceFsck();
                Tell(domain.Domain, "a forced fsck is asked for at the next start");
                return new ToolstackAnswer(0, string.Empty);
            case "fsck-result" when domain is not null:
                return new ToolstackAnswer(0, domain.FsckExitCode?.ToString() ?? "unknown");
            case "force-fsck" or "fsck-result":
                return new ToolstackAnswer(Refused, $"no domain has the uuid {command[1]}");
            default:
                return new ToolstackAnswer(Misused, $"{command[0]} is no command of this toolstack");
        }
    }
}
