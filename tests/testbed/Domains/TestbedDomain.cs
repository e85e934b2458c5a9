using Testbed.Linux;

namespace Testbed.Domains;

/// <summary>
/// A "DomU" on an ordinary machine: disks that last through all its boots, and one <see cref="DomainBoot"/> after
/// another that runs from them.
/// </summary>
public sealed class TestbedDomain : IAsyncDisposable
{
    private readonly string _folder;

    private TestbedDomain(DomainDefinition definition, string folder, IReadOnlyList<Disk> disks)
    {
        Definition = definition;
        _folder = folder;
        Disks = disks;
    }

    /// <summary>What it is.</summary>
    public DomainDefinition Definition { get; }

    /// <summary>Its disks, the root first.</summary>
    public IReadOnlyList<Disk> Disks { get; }

    /// <summary>The disk of the root filesystem.</summary>
    public Disk Root => Disks[0];

    /// <summary>What its first process wrote, over all boots.</summary>
    public string LogFile => Path.Combine(_folder, "output.log");

    /// <summary>The disk that is mounted at a place.</summary>
    public Disk DiskAt(string mountPoint) => Disks.Single(disk => disk.Definition.MountPoint == mountPoint);

    /// <summary>Makes the disks and the filesystems on them.</summary>
    /// <param name="definition">What it is to be.</param>
    /// <param name="folder">A folder for its files; it is made here and removed with the domain.</param>
    public static async Task<TestbedDomain> CreateAsync(DomainDefinition definition, string folder)
    {
        Containment.Require();
        Directory.CreateDirectory(folder);
        var disks = new List<Disk>();
        var domain = new TestbedDomain(definition, folder, disks);
        try
        {
            foreach (DiskDefinition disk in definition.Disks)
            {
                disks.Add(await Disk.CreateAsync(disk, Path.Combine(folder, disk.VirtualName)));
            }

            await domain.FillDisksAsync();
            return domain;
        }
        catch
        {
            await domain.DisposeAsync();
            throw;
        }
    }

    /// <summary>Boots it.</summary>
    /// <param name="xenstoreSocket">The unix socket that becomes its <c>/dev/xen/xenbus</c>.</param>
    public Task<DomainBoot> StartAsync(string xenstoreSocket) => DomainBoot.StartAsync(this, _folder, xenstoreSocket);

    /// <summary>Gives the disks back and removes the folder. The domain must not run any more.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (Disk disk in Disks)
        {
            await disk.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    private async Task FillDisksAsync()
    {
        var tree = new RootTree(Path.Combine(_folder, "tree"));
        string[] everywhere = ["mount", "umount", "e2fsck"];
        foreach (string name in everywhere)
        {
            string source = (await Tool.RequireAsync("which", name)).Trim();
            await tree.AddProgramAsync(new ProgramFile(source, $"/sbin/{name}"));
        }

        foreach (ProgramFile program in Definition.Programs)
        {
            await tree.AddProgramAsync(program);
        }

        foreach (Disk disk in Disks)
        {
            tree.AddFolder(disk.Definition.MountPoint);
        }

        tree.AddText("/etc/fstab", Fstab());
        await Root.FormatAsync(tree.Folder);
        Directory.Delete(tree.Folder, recursive: true);
        string empty = Directory.CreateDirectory(Path.Combine(_folder, "empty")).FullName;
        foreach (Disk disk in Disks.Skip(1))
        {
            await disk.FormatAsync(empty);
        }

        Directory.Delete(empty);
    }

    private string Fstab()
        => string.Concat(Disks
            .Where(disk => disk.Definition.InFstab)
            .Select(disk =>
            {
                DiskDefinition definition = disk.Definition;
                string check = definition.IsRoot ? "0 1" : "0 2";
                return $"{disk.Loop.Path} {definition.MountPoint} {definition.FilesystemType} "
                    + $"{DomainBoot.MountOptions} {check}\n";
            }));
}
