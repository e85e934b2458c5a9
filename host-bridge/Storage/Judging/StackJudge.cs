using System.Globalization;
using HostBridge.Recovery;

namespace HostBridge.Storage.Judging;

/// <summary>What the state of a stack of devices says, before anything was read from it.</summary>
/// <param name="Faults">What is wrong and was seen by this host itself.</param>
/// <param name="Doubts">What closes the gate without being a fault: it is not known, or somebody wants it so.</param>
/// <param name="WriteDoubts">What closes the gate of those alone who write.</param>
/// <param name="LostPaths">What is wrong with a path while another one carries the disk.</param>
/// <param name="Evidence">What is well.</param>
/// <param name="Parts">Every part and its state, those of lost paths included.</param>
internal sealed record StackFinding(
    IReadOnlyList<string> Faults, IReadOnlyList<string> Doubts, IReadOnlyList<string> WriteDoubts,
    IReadOnlyList<string> LostPaths, IReadOnlyList<string> Evidence, IReadOnlyList<PartState> Parts)
{
    /// <summary>Whether nothing in the stack speaks against the disk, as far as it is read.</summary>
    public bool IsClean => Faults.Count == 0 && Doubts.Count == 0;
}

/// <summary>Judges a stack of devices by its state alone. Pure; what is not known is never taken for good.</summary>
internal sealed class StackJudge
{
    /// <summary>What stands for a state that cannot be read, as on a device that is half removed.</summary>
    private const string NoState = "not to be read";

    private readonly MultipathView _multipathd;
    private readonly List<string> _faults = [];
    private readonly List<string> _doubts = [];
    private readonly List<string> _writeDoubts = [];
    private readonly List<string> _lostPaths = [];
    private readonly List<string> _evidence = [];
    private readonly List<PartState> _parts = [];

    private StackJudge(MultipathView multipathd) => _multipathd = multipathd;

    /// <summary>Judges a disk and everything under it.</summary>
    /// <param name="disk">The disk.</param>
    /// <param name="multipathd">What multipathd says of paths.</param>
    public static StackFinding Judge(BlockDevice disk, MultipathView multipathd)
    {
        var judge = new StackJudge(multipathd);
        judge.Look(disk);
        return new StackFinding(
            judge._faults, judge._doubts, judge._writeDoubts, judge._lostPaths, judge._evidence, judge._parts);
    }

    private void Look(BlockDevice device)
    {
        switch (device)
        {
            case BlockDevice.Absent:
                _faults.Add($"device {device.Number} is not there (logged out or removed)");
                _parts.Add(new PartState(PartKind.Device, $"device {device.Number}", "not there", IsWell: false));
                return;
            case BlockDevice.Unknown unknown:
                _doubts.Add($"{device.Name} ({device.Number}): {unknown.Reason}");
                return;
            case BlockDevice.ScsiDisk disk:
                LookAtScsi(disk);
                break;
            case BlockDevice.Multipath map:
                LookAtMap(map.MapName, map.IsSuspended);
                LookAtPaths(map);
                break;
            case BlockDevice.Mapped map:
                LookAtMap(map.MapName, map.IsSuspended);
                LookBelow(map);
                break;
            case BlockDevice.Loop loop:
                LookAtLoop(loop);
                break;
            case BlockDevice.Nvme space:
                LookAtNvme(space);
                break;
            default:
                LookBelow(device);
                break;
        }

        LookAtCommon(device);
    }

    private void LookAtCommon(BlockDevice device)
    {
        if (device.IsReadOnly is true)
        {
            _writeDoubts.Add($"{device.Name} is read-only");
        }
        else if (device.IsReadOnly is null)
        {
            _doubts.Add($"{device.Name}: whether it is read-only cannot be read");
        }

        if (device.SizeSectors is null or 0)
        {
            _doubts.Add(device.SizeSectors is 0
                ? $"{device.Name} has no size"
                : $"{device.Name}: its size cannot be read");
        }
    }

    private void LookAtScsi(BlockDevice.ScsiDisk disk)
    {
        Expect(PartKind.Device, disk.Name, disk.State, "running");
        switch (disk.Transport)
        {
            case ScsiTransport.Iscsi { Session: var session }:
                Expect(PartKind.Way, $"{session.Name} to {session.TargetName}", session.State, "LOGGED_IN");
                if (session.Connections.Count == 0)
                {
                    _doubts.Add($"{session.Name} has no connection");
                }

                foreach (IscsiConnection connection in session.Connections.Where(one => one.State is not null))
                {
                    Expect(PartKind.Way, $"{connection.Name} to {connection.Portal}", connection.State, "up");
                }

                break;
            case ScsiTransport.FibreChannel { Port: var port }:
                Expect(PartKind.Way, $"{port.Name} to {port.NodeName}", port.State, "Online");
                break;
            default:
                break;
        }

        if (_multipathd.Paths.TryGetValue(disk.Name, out MultipathPath path) && path.DeviceMapperState == "failed")
        {
            _faults.Add($"{disk.Name} is failed in its multipath map (checker: {path.CheckerState})");
        }
    }

    private void LookAtPaths(BlockDevice.Multipath map)
    {
        var lost = new List<string>();
        int active = 0;
        bool takesWrites = false;
        foreach (BlockDevice path in map.Below)
        {
            StackFinding finding = Judge(path, _multipathd);
            _parts.AddRange(finding.Parts);
            if (finding.IsClean)
            {
                active++;
                takesWrites |= finding.WriteDoubts.Count == 0;
                _evidence.AddRange(finding.Evidence);
            }

            // A path whose state is not known is not counted on, but neither is it a fault.
            lost.AddRange(finding.Faults);
        }

        _parts.Add(OnPaths(map.MapName, active, map.Below.Count));
        if (active == 0)
        {
            (lost.Count > 0 || map.Below.Count == 0 ? _faults : _doubts).Add(
                $"{map.MapName} has no active path of {Text(map.Below.Count)}{Because(lost)}");
            return;
        }

        if (!takesWrites)
        {
            _writeDoubts.Add($"every path of {map.MapName} is read-only");
        }

        _lostPaths.AddRange(lost);
        _evidence.Add($"{map.MapName} has {Text(active)} of {Text(map.Below.Count)} paths");
        if (map.Below.OfType<BlockDevice.ScsiDisk>().Select(path => path.Wwid).OfType<string>().Distinct().Count() > 1)
        {
            _doubts.Add($"the paths of {map.MapName} lead to different disks; look at their wwid");
        }
    }

    private void LookAtMap(string name, bool? isSuspended)
    {
        if (isSuspended is not false)
        {
            _doubts.Add(isSuspended is true
                ? $"{name} is suspended"
                : $"{name}: whether it is suspended cannot be read");
        }
    }

    private void LookAtLoop(BlockDevice.Loop loop)
    {
        if (loop.BackingFile is null)
        {
            _doubts.Add($"{loop.Name} has no file attached");
        }
        else if (loop.Below.Count == 0)
        {
            _doubts.Add($"{loop.Name} is a file on {KindOf(loop.FilesystemType)}, which cannot be looked at");
        }
        else
        {
            if (loop.IsFilesystemReadOnly)
            {
                _faults.Add($"the {loop.FilesystemType} filesystem that carries {loop.Name} takes no writes");
            }

            LookBelow(loop);
        }
    }

    private void LookAtNvme(BlockDevice.Nvme space)
    {
        var lost = new List<string>();
        foreach (NvmePath path in space.Paths)
        {
            bool isAccessible = path.AccessState is null or "optimized" or "non-optimized";
            _parts.Add(new PartState(
                PartKind.Way,
                path.Name,
                path.State == "live" ? path.AccessState ?? "live" : path.State ?? NoState,
                path.State == "live" && isAccessible));
            if (path.State != "live")
            {
                lost.Add(path.State is { } state
                    ? $"{path.Name} is {state}"
                    : $"{path.Name}: its state cannot be read");
            }
            else if (!isAccessible)
            {
                lost.Add($"{path.Name} is {path.AccessState}");
            }
        }

        _parts.Add(OnPaths(space.Name, space.Paths.Count - lost.Count, space.Paths.Count));
        if (lost.Count == space.Paths.Count)
        {
            _faults.Add($"{space.Name} has no live path of {Text(space.Paths.Count)}{Because(lost)}");
            return;
        }

        _lostPaths.AddRange(lost);
        _evidence.Add($"{space.Name} has {Text(space.Paths.Count - lost.Count)} of {Text(space.Paths.Count)} paths");
    }

    private void LookBelow(BlockDevice device)
    {
        if (device.Below.Count == 0 && device is not BlockDevice.Plain)
        {
            _doubts.Add($"what lies under {device.Name} is not known");
        }

        foreach (BlockDevice below in device.Below)
        {
            Look(below);
        }
    }

    private void Expect(PartKind kind, string thing, string? state, string wanted)
    {
        _parts.Add(new PartState(kind, thing, state ?? NoState, state == wanted));
        if (state == wanted)
        {
            _evidence.Add($"{thing} is {state}");
        }
        else if (state is null)
        {
            _doubts.Add($"{thing}: its state cannot be read");
        }
        else
        {
            _faults.Add($"{thing} is {state}");
        }
    }

    private static PartState OnPaths(string name, int active, int all)
        => new(
            PartKind.Map,
            name,
            active == 0 ? "without a path" : $"on {Text(active)} of {Text(all)} paths",
            active > 0 && active == all);

    private static string KindOf(string filesystemType)
        => filesystemType.Length == 0 ? "an unknown filesystem" : filesystemType;

    private static string Because(List<string> reasons)
        => reasons.Count == 0 ? string.Empty : $" ({string.Join(", ", reasons)})";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
