using Testbed.Domains;

namespace Testbed.Demo;

/// <summary>The four guests of the demonstration.</summary>
public static class DemoGuests
{
    /// <summary>Where B and C have their data filesystem.</summary>
    public const string DataMountPoint = "/srv/data";

    private static readonly DiskDefinition Ext3Root = new(DiskDefinition.Xvda, "ext3", "/");
    private static readonly DiskDefinition Ext4Data = new(DiskDefinition.Xvdb, "ext4", DataMountPoint);

    /// <summary>Its root's journal will be aborted by I/O errors.</summary>
    public static DomainDefinition A(string published) => Guest("A", published, Ext3Root);

    /// <summary>Its data filesystem's journal will be aborted; the root stays healthy.</summary>
    public static DomainDefinition B(string published) => Guest("B", published, Ext3Root, Ext4Data);

    /// <summary>Its data filesystem will be made read-only by its administrator.</summary>
    public static DomainDefinition C(string published)
        => Guest("C", published, Ext3Root, Ext4Data with { InFstab = false });

    /// <summary>Nothing will happen to it.</summary>
    public static DomainDefinition D(string published) => Guest("D", published, Ext3Root);

    private static DomainDefinition Guest(string name, string published, params DiskDefinition[] disks) => new()
    {
        Name = name,
        Uuid = Guid.NewGuid(),
        Disks = disks,
        Programs =
        [
            .. Directory.GetFiles(Path.Combine(published, "guest-agent"))
                .Select(file => new ProgramFile(file, $"/usr/bin/{Path.GetFileName(file)}")),
        ],
        Command = ["/usr/bin/guest-agent", "--xenstore", "/dev/xen/xenbus"],
    };
}
