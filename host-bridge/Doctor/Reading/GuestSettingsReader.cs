using HostBridge.Configuration;
using HostBridge.Doctor.Parsing;
using HostBridge.Guests;
using HostBridge.Recovery;
using HostBridge.Storage;
using HostBridge.Storage.Judging;
using HostBridge.Storage.Parsing;
using HostBridge.Toolstacks;
using HostBridge.Toolstacks.Parsing;
using Protocol.Health;
using Protocol.Xenstore.Client;

namespace HostBridge.Doctor.Reading;

/// <summary>Reads which guests there are, running or only defined, and what lies under their disks.</summary>
/// <param name="tree">The host's files.</param>
internal sealed class GuestSettingsReader(HostTree tree)
{
    private const string Domains = "/local/domain";
    private const int MaxDomains = 4096;

    private static readonly TimeSpan XenstoreLimit = TimeSpan.FromSeconds(10);

    private readonly BlockStackReader _stacks = new(tree.Files);

    /// <summary>Every file that defines a guest, each guest once.</summary>
    public IReadOnlyList<GuestConfig> Configs(List<Gap> gaps)
    {
        List<GuestConfig> configs =
        [
            .. new GuestConfigs(tree, BridgeOptions.DefaultGuestConfigFolders).All().DistinctBy(config => config.Name),
        ];
        if (configs.Count == 0)
        {
            gaps.Add(new Gap(
                HostPart.GuestConfigs,
                $"no guest is defined in {string.Join(", ", BridgeOptions.DefaultGuestConfigFolders)}; the definitions of libvirt and XAPI are not read",
                IsRefused: false));
        }

        return configs;
    }

    /// <summary>Asks xenstore for the running guests; none, and a gap, when it does not answer.</summary>
    public static async Task<IReadOnlyList<(DomainId Domain, DomainReading Reading)>> RunningAsync(
        string socketPath, List<Gap> gaps)
    {
        var running = new List<(DomainId, DomainReading)>();
        if (!File.Exists(socketPath))
        {
            gaps.Add(new Gap(
                HostPart.RunningGuests, $"no xenstored runs here ({socketPath} is not there): is this Dom0?", IsRefused: false));
            return running;
        }

        using var limit = new CancellationTokenSource(XenstoreLimit);
        try
        {
            var xenstore = new XenstoreClient(
                socketPath, new XenstoreClientOptions { Jitter = new Random() }, TimeProvider.System);
            await using (xenstore.ConfigureAwait(false))
            {
                xenstore.Start();
                var reader = new DomainReader(xenstore);
                XenstoreResult<IReadOnlyList<string>> names = await xenstore.DirectoryAsync(Domains, limit.Token)
                    .ConfigureAwait(false);
                foreach (DomainId domain in (names.Value ?? []).Select(DomainNodes.ParseDomainId).OfType<DomainId>().Take(MaxDomains))
                {
                    if (await reader.ReadAsync(domain, limit.Token).ConfigureAwait(false) is { } reading)
                    {
                        running.Add((domain, reading));
                    }
                }
            }
        }
        catch (Exception failure) when (failure is XenstoreLinkException or OperationCanceledException)
        {
            gaps.Add(new Gap(
                HostPart.RunningGuests, $"xenstored at {socketPath} did not answer: {failure.Message}", IsRefused: true));
        }

        return running;
    }

    /// <summary>Joins running guests with their definitions, and adds those that do not run.</summary>
    public IReadOnlyList<GuestOnHost> Join(
        IReadOnlyList<(DomainId Domain, DomainReading Reading)> running, IReadOnlyList<GuestConfig> configs)
    {
        var guests = new List<GuestOnHost>();
        foreach ((DomainId domain, DomainReading reading) in running)
        {
            GuestConfig? config = configs.FirstOrDefault(one => one.Name == reading.Guest.Name);
            // The backend's word counts; only where it has no device does the definition tell what lies there.
            List<BlockDevice> files = reading.Disks.Unmappable.Count == 0 || config is null
                ? []
                : [.. DisksOf(config).Where(disk => disk is BlockDevice.Loop)];
            guests.Add(new GuestOnHost(
                reading.Guest.Name,
                domain,
                [.. reading.Disks.Devices.Select(_stacks.Read), .. files],
                files.Count >= reading.Disks.Unmappable.Count ? [] : reading.Disks.Unmappable,
                FilesystemsOf(reading)));
        }

        guests.AddRange(configs.Where(config => guests.TrueForAll(guest => guest.Name != config.Name))
            .Select(config => new GuestOnHost(config.Name, Domain: null, [.. DisksOf(config)], [], [])));
        return guests;
    }

    private static IReadOnlyList<FilesystemHealth> FilesystemsOf(DomainReading reading)
    {
        var nodes = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach ((string key, byte[]? value) in reading.Nodes)
        {
            if (value is not null)
            {
                nodes[key] = value;
            }
        }

        return ReportAssembler.Assemble(nodes).Report?.Filesystems ?? [];
    }

    private IEnumerable<BlockDevice> DisksOf(GuestConfig config)
        => config.All("disk").Select(GuestDisk.TargetOf).OfType<string>().Select(Device);

    /// <summary>The device at a path, by name alone: nothing is opened that might hang. Anything else is a file.</summary>
    private BlockDevice Device(string path)
    {
        if (path.StartsWith("/dev/", StringComparison.Ordinal))
        {
            string name = tree.LinkName(path);
            string? number = HostFiles.TryRead(tree.Files.Sys($"class/block/{name}/dev")) ?? MapNumber(name);
            return DeviceNumber.TryParse(number ?? string.Empty, out DeviceNumber device)
                ? _stacks.Read(device)
                : new BlockDevice.Unknown { Number = default, Name = path, Reason = "there is no such device now" };
        }

        MountedFilesystem? carrier = MountTable.Find(
            MountTable.Parse(tree.TryReadText("/proc/self/mountinfo") ?? string.Empty), path);
        return new BlockDevice.Loop
        {
            Number = default,
            Name = path,
            BackingFile = path,
            FilesystemType = carrier?.Type ?? string.Empty,
            Below = carrier is { Device: { Major: > 0 } below } ? [_stacks.Read(below)] : [],
        };
    }

    /// <summary>A map in /dev/mapper may be a device of its own and no link.</summary>
    private string? MapNumber(string mapName)
        => HostFiles.Names(tree.Files.Sys("class/block"))
            .Where(name => HostFiles.TryRead(tree.Files.Sys($"class/block/{name}/dm/name")) == mapName)
            .Select(name => HostFiles.TryRead(tree.Files.Sys($"class/block/{name}/dev")))
            .FirstOrDefault();
}
