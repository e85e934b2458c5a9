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

    private BackendDisk? ReadDisk(string name)
    {
        if (name.Split('-') is not ["vbd", var domain, var device]
            || !int.TryParse(domain, NumberStyles.None, CultureInfo.InvariantCulture, out int domainId)
            || !int.TryParse(device, NumberStyles.None, CultureInfo.InvariantCulture, out int virtualDevice))
        {
            return null;
        }

        string folder = files.Sys($"{Folder}/{name}");
        string physical = HostFiles.TryRead($"{folder}/physical_device") ?? string.Empty;
        return new BackendDisk(
            new DomainId(domainId),
            virtualDevice,
            DeviceNumber.TryParseHexadecimal(physical, out DeviceNumber number) ? number : null,
            HostFiles.TryReadNumber($"{folder}/statistics/rd_req"),
            HostFiles.TryReadNumber($"{folder}/statistics/wr_req"),
            HostFiles.TryReadNumber($"{folder}/statistics/f_req"));
    }
}
