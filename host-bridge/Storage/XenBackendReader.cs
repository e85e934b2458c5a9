using System.Globalization;
using HostBridge.Recovery;

namespace HostBridge.Storage;

/// <summary>A virtual disk as this domain's block backend serves it.</summary>
/// <param name="Domain">The domain it is served to.</param>
/// <param name="VirtualDevice">The guest's number for it; xvda is 51712.</param>
/// <param name="Device">The device of this host behind it; null when it has none or it cannot be read.</param>
/// <param name="ReadRequests">How many reads the guest made so far; null when not known.</param>
/// <param name="WriteRequests">How many writes.</param>
/// <param name="FlushRequests">How many flushes.</param>
internal sealed record BackendDisk(
    DomainId Domain, int VirtualDevice, DeviceNumber? Device, long? ReadRequests, long? WriteRequests,
    long? FlushRequests);

/// <summary>
/// Reads <c>/sys/bus/xen-backend/devices/vbd-DOMAIN-VIRTUALDEVICE</c>: what blkback really serves, whatever xenstore
/// says. A backend in another domain is not there, whatever its numbers are.
/// </summary>
/// <param name="files">The host's files.</param>
internal sealed class XenBackendReader(HostFiles files)
{
    private const string Folder = "bus/xen-backend/devices";

    /// <summary>Every virtual disk that this domain serves; none where there is no Xen.</summary>
    public IReadOnlyList<BackendDisk> Read()
        => [.. HostFiles.Names(files.Sys(Folder)).Select(ReadDisk).OfType<BackendDisk>()];

    /// <summary>
    /// What the backends of some domains have done so far. A domain of which no number can be read is left out: its
    /// backend is not blkback, or is gone.
    /// </summary>
    /// <param name="domains">The domains.</param>
    public IReadOnlyList<BackendActivity> Activity(IReadOnlySet<DomainId> domains)
    {
        var requests = new SortedDictionary<int, long>();
        foreach (string name in HostFiles.Names(files.Sys(Folder)))
        {
            if (ParseName(name) is { } disk && domains.Contains(disk.Domain)
                && ReadRequests(files.Sys($"{Folder}/{name}/statistics")) is { } count)
            {
                requests[disk.Domain.Value] = requests.GetValueOrDefault(disk.Domain.Value) + count;
            }
        }

        return [.. requests.Select(domain => new BackendActivity(new DomainId(domain.Key), domain.Value))];
    }

    /// <summary>Reads, writes, flushes and discards together; null when none of them can be read.</summary>
    private static long? ReadRequests(string place)
    {
        using HostFolder? folder = HostFolder.TryOpen(place);
        return folder is null
            ? null
            : Sum(
                Sum(folder.TryReadNumber("rd_req"u8), folder.TryReadNumber("wr_req"u8)),
                Sum(folder.TryReadNumber("f_req"u8), folder.TryReadNumber("ds_req"u8)));
    }

    private static long? Sum(long? one, long? other) => one is null || other is null ? one ?? other : one + other;

    private static (DomainId Domain, int VirtualDevice)? ParseName(string name)
        => name.Split('-') is ["vbd", var domain, var device]
            && int.TryParse(domain, NumberStyles.None, CultureInfo.InvariantCulture, out int domainId)
            && int.TryParse(device, NumberStyles.None, CultureInfo.InvariantCulture, out int virtualDevice)
                ? (new DomainId(domainId), virtualDevice)
                : null;

    private BackendDisk? ReadDisk(string name)
    {
        if (ParseName(name) is not { } disk)
        {
            return null;
        }

        string folder = files.Sys($"{Folder}/{name}");
        string physical = HostFiles.TryRead($"{folder}/physical_device") ?? string.Empty;
        return new BackendDisk(
            disk.Domain,
            disk.VirtualDevice,
            DeviceNumber.TryParseHexadecimal(physical, out DeviceNumber number) ? number : null,
            HostFiles.TryReadNumber($"{folder}/statistics/rd_req"),
            HostFiles.TryReadNumber($"{folder}/statistics/wr_req"),
            HostFiles.TryReadNumber($"{folder}/statistics/f_req"));
    }
}
