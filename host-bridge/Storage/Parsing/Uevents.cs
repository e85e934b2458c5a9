using System.Text;
using HostBridge.Storage.Judging;

namespace HostBridge.Storage.Parsing;

/// <summary>
/// Reads messages of NETLINK_KOBJECT_UEVENT: <c>ACTION@DEVPATH</c>, then <c>KEY=VALUE</c>, each ended by a NUL.
/// </summary>
internal static class Uevents
{
    /// <summary>The subsystems whose coming and going changes what lies under a disk.</summary>
    private static readonly string[] Subsystems =
    [
        "block", "scsi", "scsi_device", "scsi_host", "iscsi_session", "iscsi_connection", "iscsi_host",
        "fc_remote_ports", "nvme", "nvme-subsystem", "xen-backend",
    ];

    /// <summary>What a message means to the storage; null when nothing, or when it is malformed.</summary>
    public static StorageLine? Understand(ReadOnlySpan<byte> message)
    {
        string[] fields = Encoding.Latin1.GetString(message).Split('\0');
        if (!fields[0].Contains('@') || !Subsystems.Contains(ValueOf(fields, "SUBSYSTEM=")))
        {
            return null;
        }

        // dm-uevent.c; there only with CONFIG_DM_UEVENT.
        string? map = ValueOf(fields, "DM_NAME=");
        return ValueOf(fields, "DM_ACTION=") == "PATH_FAILED" && ValueOf(fields, "DM_PATH=") is { } path
            ? new StorageLine(StorageLineKind.Fault, [path], $"multipath map {map} lost path {path}")
            : new StorageLine(StorageLineKind.Change, [], fields[0]);
    }

    private static string? ValueOf(string[] fields, string key)
        => fields.FirstOrDefault(field => field.StartsWith(key, StringComparison.Ordinal))?[key.Length..];
}
