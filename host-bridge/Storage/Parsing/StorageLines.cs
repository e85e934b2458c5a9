using System.Text.RegularExpressions;
using HostBridge.Storage.Judging;
using Protocol.Kernel;

namespace HostBridge.Storage.Parsing;

/// <summary>Understands what Dom0's kernel logs of storage, by the table of <see cref="KernelFormats"/>.</summary>
internal static class StorageLines
{
    /// <summary>What the kernel says of storage; null when nothing, or when a program wrote the record.</summary>
    public static StorageLine? Understand(KernelRecord record)
    {
        if (record.Facility != 0)
        {
            return null;
        }

        // Some drivers print their name with a space before it.
        string text = record.Text.Trim();
        return KernelFormats.Find(text, KernelReaders.Host) is var (format, match)
            ? new StorageLine(KindOf(format.Kind), PartsOf(match), text)
            : null;
    }

    private static StorageLineKind KindOf(KernelLineKind kind) => kind switch
    {
        KernelLineKind.DeviceReset => StorageLineKind.Reset,
        KernelLineKind.DeviceAttached => StorageLineKind.Attached,
        KernelLineKind.StorageChanged => StorageLineKind.Change,
        _ => StorageLineKind.Fault,
    };

    private static string[] PartsOf(Match match)
        =>
        [
            .. match.Groups["device"].Captures.Select(capture => capture.Value),
            .. match.Groups["part"].Captures.Select(capture => capture.Value),
            .. match.Groups["session"].Captures.Select(capture => $"session{capture.Value}"),
        ];
}
