using System.Globalization;
using HostBridge.Commands;
using HostBridge.Recovery;
using HostBridge.Storage;
using HostBridge.Storage.Judging;
using Microsoft.Win32.SafeHandles;

namespace HostBridge.Toolstacks.Steps;

/// <summary>
/// Checks the ext filesystems on the disks of a guest that was destroyed under the same intent. Every disk is claimed,
/// and every fact is read and judged, before the first is touched; and once more before each.
/// </summary>
internal sealed class CheckStep(
    StepOrder order, StepFolder folder, OfflineFactsReader reader, HostFiles files, SafeFileHandle stepLock)
{
    private static readonly CommandLimits BackupLimits = new(TimeSpan.FromSeconds(30), 64 * 1024);

    private const string VolumePrefix = "LVM-";

    /// <summary>From this exit code on e2fsck left errors, or could not check at all.</summary>
    private const int UncorrectedExitCode = 4;

    /// <summary>Does it.</summary>
    public async Task<StepOutcome> RunAsync()
    {
        if (folder.ReadDestroyed(order.Intent) is not { } record
            || folder.ReadOutcome(order.Intent, StepKind.Destroy) is not { Result: StepResult.Done })
        {
            return StepOutcome.Refused("its domain was not destroyed under this intent");
        }

        if (FilesystemChecker.WhyNot() is { } cannot)
        {
            return StepOutcome.Refused(cannot);
        }

        if (DisksOf(record, out string? problem) is not { } devices)
        {
            return StepOutcome.Refused(problem!);
        }

        var disks = new List<ClaimedDisk>();
        try
        {
            foreach (DeviceNumber device in devices)
            {
                ClaimedDisk disk = ClaimedDisk.Claim(new BlockStackReader(files).Read(device), files);
                disks.Add(disk);
                if (await RefusalAsync(record, disk).ConfigureAwait(false) is { } refusal)
                {
                    return StepOutcome.Refused(refusal);
                }
            }

            return disks.TrueForAll(disk => disk.Filesystems.Count == 0)
                ? StepOutcome.Refused("there is no ext filesystem on its disks")
                : await CheckAsync(record, disks).ConfigureAwait(false);
        }
        finally
        {
            disks.ForEach(disk => disk.Dispose());
        }
    }

    private async Task<StepOutcome> CheckAsync(DestroyRecord record, List<ClaimedDisk> disks)
    {
        var remarks = new List<string>();
        int worst = 0;
        foreach (ClaimedDisk disk in disks)
        {
            await BackUpVolumesAsync(disk.Device, remarks).ConfigureAwait(false);
            foreach (FilesystemPlace place in disk.Filesystems)
            {
                if (await RefusalAsync(record, disk).ConfigureAwait(false) is { } refusal)
                {
                    return StepOutcome.Refused(refusal) with { Remarks = remarks };
                }

                CheckResult result = await FilesystemChecker.RunAsync(disk, place, stepLock).ConfigureAwait(false);
                remarks.Add($"{place.Text}: {result.Text}");
                if (result.ExitCode is not { } exitCode)
                {
                    return StepOutcome.Failed($"{place.Text}: {result.Text}") with { Remarks = remarks };
                }

                // The exit code is a sum of bits (e2fsck(8)): so is that of several.
                worst |= exitCode;
                if (exitCode >= UncorrectedExitCode)
                {
                    return StepOutcome.Done with { ExitCode = worst, Remarks = remarks };
                }
            }
        }

        return StepOutcome.Done with { ExitCode = worst, Remarks = remarks };
    }

    /// <summary>The disks that the guest could write to; null when one of them cannot be looked at.</summary>
    private List<DeviceNumber>? DisksOf(DestroyRecord record, out string? problem)
    {
        problem = null;
        var devices = new List<DeviceNumber>();
        foreach (NotedDisk disk in record.Disks.Where(disk => disk.IsWritable))
        {
            if (!DeviceNumber.TryParse(disk.Device, out DeviceNumber device))
            {
                problem = $"what lies behind {disk.Name} is not known to this host";
                return null;
            }

            if (!devices.Contains(device))
            {
                devices.Add(device);
            }
        }

        string[] unknown = [.. order.Devices.Where(named => record.Disks.All(disk => disk.Device != named))];
        problem = unknown.Length > 0 ? $"the disk {unknown[0]} was not its when its domain was destroyed"
            : devices.Count == 0 ? "it had no disk that it could write to"
            : null;
        return problem is null ? devices : null;
    }

    private async Task<string?> RefusalAsync(DestroyRecord record, ClaimedDisk disk)
    {
        if (disk.Problem is { } problem)
        {
            return $"{disk.Name}: {problem}";
        }

        OfflineFacts facts = await reader.ReadAsync(order, record, disk.Device.Number).ConfigureAwait(false);
        IReadOnlyList<string> refusals = OfflineGate.Refusals(
            facts with
            {
                OpenedExclusively = true,
                // The disk without one is looked at all the same: nothing else may use it either.
                FilesystemType = "ext4",
                IsWholeDiskOrPartition = true,
            },
            Safeguards.All);
        return refusals.Count == 0 ? null : $"{disk.Name}: {string.Join("; ", refusals)}";
    }

    /// <summary>The metadata of the volume group, for the person who may need it; the check does not hang on it.</summary>
    private static async Task BackUpVolumesAsync(BlockDevice device, List<string> remarks)
    {
        if (device is not BlockDevice.Mapped { MapName: var name, Uuid: var uuid }
            || !uuid.StartsWith(VolumePrefix, StringComparison.Ordinal))
        {
            return;
        }

        string group = GroupOf(name);
        if (BoundedCommand.Find("vgcfgbackup") is not { } program)
        {
            remarks.Add($"{group}: vgcfgbackup is not installed");
            return;
        }

        CommandOutput output = await BoundedCommand.RunAsync(program, [group], BackupLimits).ConfigureAwait(false);
        if (output.Problem is { } problem)
        {
            remarks.Add(string.Create(CultureInfo.InvariantCulture, $"vgcfgbackup {group}: {problem}"));
        }
    }

    /// <summary>The volume group in the name of a map: <c>vg--one-root</c> is root of vg-one.</summary>
    private static string GroupOf(string mapName)
    {
        const string Dash = "\n";
        string text = mapName.Replace("--", Dash, StringComparison.Ordinal);
        return text.Split('-')[0].Replace(Dash, "-", StringComparison.Ordinal);
    }
}
