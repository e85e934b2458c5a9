using System.Globalization;
using HostBridge.Recovery;

namespace HostBridge.Storage.Judging;

/// <summary>
/// The storage gate of one disk: its stack, a direct read and the kernel's log in, its condition out. Pure. How long
/// it has been so is counted by <see cref="DiskBook"/>.
/// </summary>
internal static class DiskJudge
{
    private const string Well = "well";

    /// <summary>Judges a disk.</summary>
    /// <param name="disk">The disk with all that lies under it.</param>
    /// <param name="finding">What its state says.</param>
    /// <param name="reading">What is known from direct reads.</param>
    /// <param name="lostPath">The loss of a path while another one carries the disk; null when none is lost.</param>
    /// <param name="logged">What the kernel's log said of its parts.</param>
    /// <param name="isVouchedFor">
    /// Whether the administrator answers for what the bridge cannot look at. What it sees itself counts all the same.
    /// </param>
    /// <param name="now">This moment, on the monotonic clock.</param>
    public static DiskCondition Judge(
        BlockDevice disk, StackFinding finding, DiskReading reading, HostFault? lostPath, LoggedFaults logged,
        bool isVouchedFor, TimeSpan now)
    {
        var faults = new List<string>(finding.Faults);
        var doubts = new List<string>(finding.Doubts);
        IReadOnlyList<PartState> parts = finding.Parts;
        string evidence = $"{NameOf(disk)}: {string.Join(", ", finding.Evidence)}";
        if (isVouchedFor && faults.Count == 0 && doubts.Count > 0)
        {
            evidence = $"{disk.Number} assumed operational by configuration";
            doubts.Clear();
        }
        else if (finding.IsClean)
        {
            BlockDevice target = StackNames.ReadTargetOf(disk);
            Weigh(target, reading, now, faults, doubts);
            parts = [.. parts, ReadOf(target, reading, now)];
            evidence = string.Create(
                CultureInfo.InvariantCulture, $"{evidence}, read in {reading.Last?.Took.TotalMilliseconds:0} ms");
        }

        bool isOperational = faults.Count == 0 && doubts.Count == 0;
        HostFault? over = lostPath is null || logged.Newest?.At > lostPath.At ? logged.Newest : lostPath;
        return new DiskCondition(
            disk.Number,
            isOperational,
            isOperational ? evidence : $"{NameOf(disk)}: {string.Join(", ", faults.Concat(doubts))}",
            StackNames.LunGroupsOf(disk))
        {
            Fault = faults.Count > 0 ? new HostFault(now, $"{NameOf(disk)}: {string.Join(", ", faults)}") : over,
            InterruptedAt = logged.InterruptedAt,
            LostPaths = lostPath?.Text,
            Identity = StackNames.IdentityOf(disk),
            WriteProtection = isVouchedFor || finding.WriteDoubts.Count == 0
                ? null
                : $"{NameOf(disk)}: {string.Join(", ", finding.WriteDoubts)}",
            Parts = parts,
            RecoveryTimeoutSeconds = StackNames.RecoveryTimeoutOf(disk),
            SizeBytes = disk.SizeSectors * BlockDevice.SectorBytes,
        };
    }

    private static void Weigh(
        BlockDevice target, DiskReading reading, TimeSpan now, List<string> faults, List<string> doubts)
    {
        if (reading.OutstandingSince is { } since && now - since >= DiskReading.Limit)
        {
            faults.Add($"a direct read of {target.Name} has not returned for {(now - since).TotalSeconds:0} s");
        }
        else if (reading.Last is not { } last)
        {
            doubts.Add($"a direct read of {target.Name} is awaited");
        }
        else if (last.Result == ReadResult.NotMade)
        {
            doubts.Add($"a direct read of {target.Name} could not be made ({last.Reason})");
        }
        else if (last.Result == ReadResult.Failed)
        {
            faults.Add($"a direct read of {target.Name} failed ({last.Reason})");
        }
        else if (last.Took >= DiskReading.Limit)
        {
            faults.Add($"a direct read of {target.Name} took {last.Took.TotalSeconds:0} s");
        }
        else if (now - last.BeganAt >= DiskReading.ValidFor)
        {
            doubts.Add($"{target.Name} was last read {(now - last.BeganAt).TotalSeconds:0} s ago");
        }
    }

    private static PartState ReadOf(BlockDevice target, DiskReading reading, TimeSpan now)
    {
        string state = reading switch
        {
            { OutstandingSince: { } since } when now - since >= DiskReading.Limit => "overdue",
            { Last: null } => "awaited",
            { Last.Result: ReadResult.NotMade } => "not to be made",
            { Last: { Result: ReadResult.Failed, Reason: var reason } } => $"failing ({reason})",
            _ => Well,
        };
        return new PartState(PartKind.Read, $"the direct read of {target.Name}", state, state == Well);
    }

    private static string NameOf(BlockDevice disk)
        => disk is BlockDevice.Absent ? $"device {disk.Number}" : $"{disk.Name} ({disk.Number})";
}
