using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Signals.Parsing;

namespace GuestAgent.Signals;

/// <summary>
/// <c>/sys/class/block/X/{inflight,stat,ro}</c>. Proves that requests wait while no write or flush completes. It lies
/// on a busy disk, which completes late, and of reads, which a cache elsewhere may answer: those are left out of the
/// completions. <c>ro</c> says that the device is write-protected; the kernel may go on writing all the same.
/// </summary>
internal static class DeviceQueue
{
    /// <summary>A look at the queues, added up; null where one has none.</summary>
    /// <param name="paths">Where sysfs is.</param>
    /// <param name="queues">The devices that carry the filesystem's writes.</param>
    public static BlockActivity? Read(PathRoot paths, IReadOnlyList<string> queues)
    {
        BlockActivity? all = null;
        foreach (string queue in queues)
        {
            if (ReadOne(paths.Sys($"class/block/{queue}")) is not { } one)
            {
                return null;
            }

            all = all is { } before ? Add(before, one) : one;
        }

        return all;
    }

    private static BlockActivity? ReadOne(string folder)
        => SmallFile.TryReadText($"{folder}/inflight") is { } inflight
            && SmallFile.TryReadText($"{folder}/stat") is { } stat
            && BlockStatParser.Inflight(inflight) is { } requests
            && BlockStatParser.WriteCompletions(stat) is { } completions
                ? new BlockActivity(
                    requests.Reads + requests.Writes, completions, SmallFile.TryReadText($"{folder}/ro") == "1")
                {
                    InflightWrites = requests.Writes,
                }
                : null;

    private static BlockActivity Add(BlockActivity a, BlockActivity b)
        => new(a.Inflight + b.Inflight, a.WriteCompletions + b.WriteCompletions, a.IsReadOnly || b.IsReadOnly)
        {
            InflightWrites = a.InflightWrites + b.InflightWrites,
        };
}
