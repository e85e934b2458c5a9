using HostBridge.Recovery;
using HostBridge.Storage.Judging;

namespace HostBridge.Storage;

/// <summary>One look at the storage under some disks.</summary>
/// <param name="Conditions">The condition of every disk.</param>
/// <param name="Disks">The disks with all that lies under them, in the same order.</param>
/// <param name="HasMultipath">Whether any of them lies on a multipath map: then multipathd is worth asking.</param>
internal sealed record SurveyResult(
    IReadOnlyList<DiskCondition> Conditions, IReadOnlyList<BlockDevice> Disks, bool HasMultipath);

/// <summary>
/// Looks at the storage under disks: reads their stacks, judges them, and says in the book which of them are to be
/// read. What lies under several disks is read once in a look.
/// </summary>
/// <param name="files">The host's files.</param>
/// <param name="vouchedFor">The disks that the administrator answers for where the bridge cannot look.</param>
/// <param name="log">What the kernel's log said.</param>
/// <param name="reads">What is known from direct reads.</param>
internal sealed class StorageSurvey(
    HostFiles files, IReadOnlySet<DeviceNumber> vouchedFor, KernelFaults log, ReadBook reads)
{
    private readonly Dictionary<DeviceNumber, HostFault> _lostPaths = [];

    /// <summary>Looks once.</summary>
    /// <param name="disks">The disks of guests.</param>
    /// <param name="multipathd">What multipathd said lately.</param>
    /// <param name="now">This moment, on the monotonic clock.</param>
    public SurveyResult Look(IReadOnlyCollection<DeviceNumber> disks, MultipathView multipathd, TimeSpan now)
    {
        var reader = new BlockStackReader(files);
        var conditions = new List<DiskCondition>(disks.Count);
        var stacks = new List<BlockDevice>(disks.Count);
        bool hasMultipath = false;
        foreach (DeviceNumber number in disks)
        {
            BlockDevice disk = reader.Read(number);
            StackFinding finding = StackJudge.Judge(disk, multipathd);
            LoggedFaults logged = log.FaultsOf(disk);
            BlockDevice target = StackNames.ReadTargetOf(disk);
            DiskReading reading = reads.Of(target.Number);
            if (!finding.IsClean || logged.InterruptedAt > reading.Last?.BeganAt)
            {
                reads.Distrust(target.Number);
                reading = reads.Of(target.Number);
            }

            DiskCondition condition = DiskJudge.Judge(
                disk, finding, reading, LostPath(number, finding, now), logged, vouchedFor.Contains(number), now);
            if (finding.IsClean)
            {
                reads.Want(target.Number, target.Name, condition.LunGroups.FirstOrDefault(string.Empty), now);
            }

            hasMultipath |= IsOnMultipath(disk);
            conditions.Add(condition);
            stacks.Add(disk);
        }

        return new SurveyResult(conditions, stacks, hasMultipath);
    }

    /// <summary>
    /// A path that is lost for good must not be new evidence for ever: its loss happened once.
    /// </summary>
    private HostFault? LostPath(DeviceNumber number, StackFinding finding, TimeSpan now)
    {
        if (finding.LostPaths.Count == 0)
        {
            _lostPaths.Remove(number);
            return null;
        }

        string text = string.Join(", ", finding.LostPaths);
        if (_lostPaths.GetValueOrDefault(number)?.Text != text)
        {
            _lostPaths[number] = new HostFault(now, text);
        }

        return _lostPaths[number];
    }

    private static bool IsOnMultipath(BlockDevice disk)
        => disk is BlockDevice.Multipath || disk.Below.Any(IsOnMultipath);
}
