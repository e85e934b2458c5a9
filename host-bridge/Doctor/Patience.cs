using System.Globalization;
using HostBridge.Storage.Judging;

namespace HostBridge.Doctor;

/// <summary>For how long a disk of this host holds requests back when its storage is gone, before it fails them.</summary>
/// <param name="Why">What the disk is and which setting decides, for a person.</param>
internal abstract record Patience(string Why)
{
    /// <summary>It fails requests after a time.</summary>
    /// <param name="Seconds">After how many; 0 is at once.</param>
    internal sealed record Limited(int Seconds, string Why) : Patience(Why);

    /// <summary>It never fails them: whoever writes waits as long as it lasts.</summary>
    internal sealed record Endless(string Why) : Patience(Why);

    /// <summary>It lies in this host, which a failover of a SAN does not reach.</summary>
    internal sealed record Local(string Why) : Patience(Why);

    /// <summary>It cannot be told.</summary>
    internal sealed record Unknown(string Why) : Patience(Why);

    /// <summary>A disk's patience when everything that leads to it is lost.</summary>
    public static Patience Of(BlockDevice disk, HostSettings host) => disk switch
    {
        BlockDevice.ScsiDisk scsi => OfScsi(scsi, host),
        BlockDevice.Multipath map => OfMap(map, host),
        BlockDevice.Nvme space => OfNvme(space, host),
        BlockDevice.Loop loop => OfLoop(loop, host),
        BlockDevice.Partition { Below: [var whole] } => Of(whole, host),
        BlockDevice.Mapped { Below.Count: > 0 } mapped => Below($"volume {mapped.MapName}", mapped, host),
        BlockDevice.Plain plain => new Local($"disk {plain.Name} of this host"),
        BlockDevice.Unknown unknown => new Unknown($"{unknown.Name}: {unknown.Reason}"),
        BlockDevice.Absent => new Unknown("its device is not there"),
        _ => new Unknown($"{disk.Name} stands on nothing that is known"),
    };

    /// <summary>The one of several that gives up first: it decides what becomes of all.</summary>
    public static Patience Shortest(IEnumerable<Patience> all)
        => all.OrderBy(one => one switch
        {
            Limited limited => limited.Seconds,
            Unknown => int.MaxValue - 2L,
            Endless => int.MaxValue - 1L,
            _ => int.MaxValue,
        }).First();

    private static Patience OfScsi(BlockDevice.ScsiDisk disk, HostSettings host)
    {
        switch (disk.Transport)
        {
            case ScsiTransport.Iscsi { Session: var session }:
                return session.RecoveryTimeoutSeconds switch
                {
                    null => new Unknown($"direct LUN {disk.Name}, whose replacement_timeout cannot be read"),
                    < 0 => new Endless($"direct LUN {disk.Name}, replacement_timeout -1"),
                    { } seconds => new Limited(
                        seconds, Invariant($"direct LUN {disk.Name}, replacement_timeout {seconds}")),
                };
            case ScsiTransport.FibreChannel { Port: var port }:
                return OfWay(port.Name, $"direct LUN {disk.Name} over {port.Name}", "dev_loss_tmo", host);
            default:
                return new Local($"disk {disk.Name} of this host");
        }
    }

    /// <summary>A path fails, the next one is tried; after the last one the map's own setting decides.</summary>
    private static Patience OfMap(BlockDevice.Multipath map, HostSettings host)
    {
        string name = $"multipath {map.MapName}";
        List<Patience> paths = [.. map.Below.Select(path => Of(path, host))];
        if (paths.Find(path => path is Endless or Unknown) is { } notLimited)
        {
            return notLimited with { Why = $"{name} on {notLimited.Why}" };
        }

        int pathSeconds = paths.OfType<Limited>().Select(path => path.Seconds).DefaultIfEmpty(0).Max();
        MapQueueing? queueing = host.Maps.GetValueOrDefault(map.MapName);
        string[] words = queueing?.Queueing.Split(' ') ?? [];
        switch (words)
        {
            case ["on"]:
            case ["-"] when queueing!.Features.Contains("queue_if_no_path", StringComparison.Ordinal):
                return new Endless($"{name}, which queues without a path");
            case ["off"] or ["-"]:
                return new Limited(pathSeconds, Invariant($"{name}, which does not queue; its paths fail after {pathSeconds} s"));
            case [var number, "chk"] when int.TryParse(number, CultureInfo.InvariantCulture, out int checks):
                int polling = host.PollingSeconds;
                return new Limited(
                    pathSeconds + (checks * polling),
                    Invariant($"{name}, whose paths fail after {pathSeconds} s and which then queues for {checks} checks of {polling} s"));
            case [var number, "sec"] when int.TryParse(number, CultureInfo.InvariantCulture, out int seconds):
                return new Limited(seconds, Invariant($"{name}, which is without a path now and queues for {seconds} s more"));
            default:
                return new Unknown($"{name}, of which multipathd did not say whether it queues");
        }
    }

    private static Patience OfNvme(BlockDevice.Nvme space, HostSettings host)
    {
        if (space.Paths.All(path => path.Transport is "pcie" or "loop"))
        {
            return new Local($"disk {space.Name} of this host");
        }

        // The namespace is there as long as one of its controllers is.
        return space.Paths.Select(path => OfWay(path.Name, $"{space.Name} over {path.Name}", "ctrl_loss_tmo", host))
            .OrderByDescending(way => way is Limited limited ? limited.Seconds : int.MaxValue)
            .First();
    }

    private static Patience OfWay(string way, string disk, string lossName, HostSettings host)
        => host.Ways.GetValueOrDefault(way) switch
        {
            { FastFailSeconds: >= 0 and var seconds } => new Limited(
                seconds, Invariant($"{disk}, fast_io_fail_tmo {seconds}")),
            { LossSeconds: >= 0 and var seconds } => new Limited(seconds, Invariant($"{disk}, {lossName} {seconds}")),
            { LossSeconds: < 0 } => new Endless($"{disk}, {lossName} -1"),
            _ => new Unknown($"{disk}, whose {lossName} cannot be read"),
        };

    private static Patience OfLoop(BlockDevice.Loop loop, HostSettings host)
    {
        string file = $"file {loop.BackingFile ?? "(none)"}";
        return loop.FilesystemType.StartsWith("nfs", StringComparison.Ordinal)
            ? new Unknown($"{file} on {loop.FilesystemType}: a hard mount waits as long as it lasts, a soft one fails")
            : loop.Below.Count > 0
                ? Below(file, loop, host)
                : new Unknown($"{file}, of which it is not known what it lies on");
    }

    private static Patience Below(string name, BlockDevice device, HostSettings host)
    {
        Patience below = Shortest(device.Below.Select(one => Of(one, host)));
        return below with { Why = $"{name} on {below.Why}" };
    }

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
