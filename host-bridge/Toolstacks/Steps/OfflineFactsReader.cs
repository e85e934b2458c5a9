using HostBridge.Recovery;
using HostBridge.Storage;
using HostBridge.Storage.Judging;
using HostBridge.Storage.Parsing;
using HostBridge.Toolstacks.Parsing;
using Protocol.Health;

namespace HostBridge.Toolstacks.Steps;

/// <summary>
/// Reads everything that speaks for or against a check of a disk from Dom0, right before it. What cannot be read is null,
/// and <see cref="OfflineGate"/> refuses.
/// </summary>
/// <param name="xl">The toolstack.</param>
/// <param name="uses">The backends.</param>
/// <param name="files">The host's files.</param>
internal sealed class OfflineFactsReader(Xl xl, BackendUses uses, HostFiles files)
{
    private const string MapperFolder = "/dev/";
    private const int MaxProcesses = 100_000;

    /// <summary>Reads the facts of one disk, but for what lies on it and whether it could be opened.</summary>
    /// <param name="order">What is to be done.</param>
    /// <param name="record">The proof that its domain was destroyed.</param>
    /// <param name="device">The disk.</param>
    public async Task<OfflineFacts> ReadAsync(StepOrder order, DestroyRecord record, DeviceNumber device)
    {
        var stacks = new BlockStackReader(files);
        BlockDevice disk = stacks.Read(device);
        XlAnswer<IReadOnlyList<XlDomain>> listed = await xl.ListAsync(CancellationToken.None).ConfigureAwait(false);
        NotedDisk? noted = record.Disks.FirstOrDefault(one => one.Device == device.ToString());
        _ = RequestId.TryParse(order.Intent, out RequestId intent);
        _ = RequestId.TryParse(record.Intent, out RequestId destroyedUnder);
        _ = BootId.TryParse(order.HostBoot, out BootId now);
        _ = BootId.TryParse(record.HostBoot, out BootId then);
        return new OfflineFacts
        {
            Guest = order.Guest,
            Intent = intent,
            HostBoot = now,
            Destroyed = new DestroyedDomain(
                record.Guest, new DomainId(record.Domain), destroyedUnder, then, noted?.Identity),
            IsCreatedSince = CreationLog.IdentityOf(order.LogFolder, record.Name) != record.CreationLog,
            Domains = listed.Value is { } domains ? [.. domains.Select(ToListed)] : null,
            Backends = await BackendsOnAsync(disk, stacks).ConfigureAwait(false),
            Mounts = MountsOf(disk, stacks),
            Holders = HoldersOf(disk, stacks),
            Swaps = SwapsOn(disk, stacks),
            OpenedExclusively = null,
            Exclusive = order.Exclusive,
            ExclusiveProof = null,
            DiskIdentity = StackNames.IdentityOf(disk),
            FilesystemType = null,
            IsWholeDiskOrPartition = null,
        };
    }

    private static DomainListed ToListed(XlDomain domain)
        => new(domain.Domain, domain.Uuid, domain.IsDying);

    private async Task<IReadOnlyList<string>?> BackendsOnAsync(BlockDevice disk, BlockStackReader stacks)
    {
        try
        {
            return
            [
                .. (await uses.ReadAsync().ConfigureAwait(false))
                    .Where(use => !use.IsKnown
                        || (use.Device is { } device && StackOverlap.Overlaps(disk, stacks.Read(device)))
                        || (use.File is { } file && IsFileOf(disk, file)))
                    .Select(use => use.IsKnown ? use.Text : $"{use.Text}, behind which may be anything"),
            ];
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static bool IsFileOf(BlockDevice disk, string file)
        => StackOverlap.PartsOf(disk).Any(part => part is BlockDevice.Loop loop && loop.BackingFile == file);

    /// <summary>Every mount namespace that some process is in.</summary>
    private List<string>? MountsOf(BlockDevice disk, BlockStackReader stacks)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var found = new List<string>();
        IEnumerable<string> processes = HostFiles.Names(files.Proc(string.Empty))
            .Where(name => char.IsAsciiDigit(name[0])).Take(MaxProcesses);
        foreach (string process in processes)
        {
            if (HostFiles.TryReadLink(files.Proc($"{process}/ns/mnt")) is not { } space || !seen.Add(space))
            {
                continue;
            }

            foreach (MountedFilesystem mount in MountTable.Parse(TextOf(files.Proc($"{process}/mountinfo")) ?? string.Empty))
            {
                if (mount.Device.Major > 0 && StackOverlap.Overlaps(disk, stacks.Read(mount.Device)))
                {
                    found.Add($"{mount.MountPoint} ({mount.Type}, seen by process {process})");
                }
            }
        }

        return seen.Count == 0 ? null : found;
    }

    /// <summary>What stands on the disk but its own partitions: maps, arrays, and loop devices, which claim nothing.</summary>
    private List<string> HoldersOf(BlockDevice disk, BlockStackReader stacks)
    {
        var found = new List<string>();
        foreach (string name in HostFiles.Names(files.Sys("class/block")))
        {
            if (!DeviceNumber.TryParse(
                HostFiles.TryRead(files.Sys($"class/block/{name}/dev")) ?? string.Empty, out DeviceNumber number)
                || number == disk.Number)
            {
                continue;
            }

            BlockDevice other = stacks.Read(number);
            bool standsOnIt = other is not BlockDevice.Partition
                && StackOverlap.PartsOf(other).Any(part => part.Number == disk.Number);
            if (standsOnIt || (other is BlockDevice.Loop loop && IsLoopOn(loop, disk, stacks)))
            {
                found.Add(name);
            }
        }

        return found;
    }

    private static bool IsLoopOn(BlockDevice.Loop loop, BlockDevice disk, BlockStackReader stacks)
        => loop.BackingFile is { } file
            && (IsFileOf(disk, file)
                || (file.StartsWith(MapperFolder, StringComparison.Ordinal)
                    && DeviceNodes.NumberOf(file) is { } device
                    && StackOverlap.Overlaps(disk, stacks.Read(device))));

    private List<string>? SwapsOn(BlockDevice disk, BlockStackReader stacks)
        => TextOf(files.Proc("swaps")) is { } text
            ?
            [
                .. text.Split('\n').Skip(1)
                    .Select(line => line[..Math.Max(0, line.IndexOfAny([' ', '\t']))])
                    .Where(path => path.Length > 0 && DeviceNodes.NumberOf(path) is { } device
                        && StackOverlap.Overlaps(disk, stacks.Read(device))),
            ]
            : null;

    private static string? TextOf(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
