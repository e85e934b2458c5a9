using System.Globalization;
using Testbed.Domains;

namespace Testbed.Toolstack;

/// <summary>The nodes that libxl and blkback make for a disk, as far as anyone here looks at them.</summary>
public static class DiskNodes
{
    // XenbusStateConnected (xen/io/xenbus.h).
    private const string Connected = "4";

    /// <summary>The folder of the host's side of a domain's disks.</summary>
    public static string BackendFolder(int domainId) => Text($"/local/domain/0/backend/vbd/{domainId}");

    /// <summary>The folder of the host's side of one disk: what a host can trust.</summary>
    public static string Backend(int domainId, Disk disk)
        => Text($"{BackendFolder(domainId)}/{disk.Definition.VirtualDevice}");

    /// <summary>The folder of the domain's side of one disk.</summary>
    public static string Frontend(int domainId, Disk disk)
        => Text($"/local/domain/{domainId}/device/vbd/{disk.Definition.VirtualDevice}");

    /// <summary>The nodes of the host's side.</summary>
    public static IEnumerable<(string Name, string Value)> OfBackend(int domainId, Disk disk) =>
    [
        ("frontend", Frontend(domainId, disk)),
        ("frontend-id", Text($"{domainId}")),
        ("dev", disk.Definition.VirtualName),
        ("type", "phy"),
        ("params", disk.Loop.Path),
        ("physical-device", Text($"{disk.Loop.Major:x}:{disk.Loop.Minor:x}")),
        ("mode", "w"),
        ("state", Connected),
    ];

    /// <summary>The nodes of the domain's side.</summary>
    public static IEnumerable<(string Name, string Value)> OfFrontend(int domainId, Disk disk) =>
    [
        ("backend", Backend(domainId, disk)),
        ("backend-id", "0"),
        ("virtual-device", Text($"{disk.Definition.VirtualDevice}")),
        ("device-type", "disk"),
        ("state", Connected),
    ];

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
