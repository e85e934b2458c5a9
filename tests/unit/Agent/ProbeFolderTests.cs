using System.Text;
using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Probing;
using Mono.Unix.Native;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>In which folder of a mount the probe file lies.</summary>
public sealed class ProbeFolderTests : IDisposable
{
    private readonly string _top = Directory.CreateTempSubdirectory("top-").FullName;
    private readonly string _elsewhere = Directory.CreateTempSubdirectory("elsewhere-").FullName;

    public void Dispose()
    {
        Directory.Delete(_top, recursive: true);
        Directory.Delete(_elsewhere, recursive: true);
    }

    [Fact]
    public void The_file_lies_in_a_top_folder_that_root_alone_can_write()
    {
        Assert.Equal((ProbeStep.Done, 0), Probe("/", "/.guest-agent"));
        Assert.Equal([".guest-agent-probe"], Names(_top));
    }

    [Theory]
    [InlineData(0x3f8)] // 01770
    [InlineData(0x3ff)] // 01777, as /tmp
    [InlineData(0x1fd)] // 0775
    [InlineData(0x1ff)] // 0777
    public void In_a_top_folder_that_others_can_write_a_folder_of_its_own_is_made(int mode)
    {
        Assert.Equal(0, Syscall.chmod(_top, (FilePermissions)mode));
        Assert.Equal((ProbeStep.Done, 0), Probe("/", "/.guest-agent"));
        Assert.Equal((ProbeStep.Done, 0), Probe("/", "/.guest-agent"));
        Assert.Equal([".guest-agent"], Names(_top));
        Assert.Equal(0, Syscall.stat(Path.Combine(_top, ".guest-agent"), out Stat made));
        Assert.Equal(0x1c0, (int)made.st_mode & 0xfff);
    }

    [Fact]
    public void In_a_top_folder_of_a_user_a_folder_of_its_own_is_made()
    {
        Assert.SkipUnless(Syscall.geteuid() == 0, "only root can give a folder away");
        Assert.Equal(0, Syscall.chown(_top, 1000, 1000));
        Assert.Equal((ProbeStep.Done, 0), Probe("/", "/.guest-agent"));
        Assert.Equal([".guest-agent"], Names(_top));
    }

    [Fact]
    public void A_users_folder_without_another_is_refused_and_nothing_is_made()
    {
        Assert.Equal(0, Syscall.chmod(_top, (FilePermissions)0x1ff));
        Assert.Equal((ProbeStep.Refused, ProbeReply.NoFolder), Probe("/"));
        Assert.Empty(Names(_top));
    }

    [Theory]
    [InlineData("ln -s {0} .guest-agent")]
    [InlineData("ln -s .. .guest-agent")]
    [InlineData("ln -s /nowhere .guest-agent")]
    [InlineData("mkdir -m 777 .guest-agent")]
    [InlineData("touch .guest-agent")]
    [InlineData("mkfifo .guest-agent")]
    public void What_a_user_puts_in_the_place_of_the_folder_is_refused(string plant)
    {
        Assert.Equal(0, Syscall.chmod(_top, (FilePermissions)0x1ff));
        Shell(string.Format(System.Globalization.CultureInfo.InvariantCulture, plant, _elsewhere));
        Assert.Equal(ProbeStep.Refused, Probe("/", "/.guest-agent").Step);
        Assert.Empty(Names(_elsewhere));
        Assert.DoesNotContain(
            Directory.EnumerateFileSystemEntries(_top, "*", SearchOption.AllDirectories),
            name => name.EndsWith(WriteProbe.FileName, StringComparison.Ordinal));
    }

    [Fact]
    public void A_file_of_another_in_the_probes_place_is_not_evaded()
    {
        Shell("echo precious >.guest-agent-probe");
        Assert.Equal((ProbeStep.Refused, ProbeReply.NoErrno), Probe("/", "/.guest-agent"));
        Assert.Equal([".guest-agent-probe"], Names(_top));
    }

    [Fact]
    public void Of_a_path_only_the_last_part_is_made()
    {
        Assert.Equal((ProbeStep.Refused, (int)Errno.ENOENT), Probe("/lib/guest-agent"));
        Shell("mkdir lib");
        Assert.Equal((ProbeStep.Done, 0), Probe("/lib/guest-agent"));
        Assert.Equal([".guest-agent-probe"], Names(Path.Combine(_top, "lib", "guest-agent")));
    }

    [Theory]
    [InlineData("/../x")]
    [InlineData("/./../../x")]
    public void A_path_never_leads_above_the_mount(string path)
    {
        Assert.Equal((ProbeStep.Done, 0), Probe(path));
        Assert.Equal(["x"], Names(_top));
    }

    [Fact]
    public void A_path_never_leads_to_another_mount()
        => Assert.Equal((ProbeStep.Refused, (int)Errno.EXDEV), Run(Request("/", "/proc")));

    [Fact]
    public void Another_mount_of_the_same_filesystem_at_the_same_path_is_not_the_one_that_is_meant()
    {
        ProbeRequest request = Request(_top, "/");
        Assert.Equal(ProbeStep.Done, WriteProbe.Run(request).Step);
        ProbeReply other = WriteProbe.Run(request with { MountId = request.MountId + 1_000_000 });
        Assert.Equal((ProbeStep.OpenMountPoint, (int)Errno.ENODEV), (other.Step, other.Errno));
    }

    private (ProbeStep Step, int Errno) Probe(params string[] folders) => Run(Request(_top, folders));

    private static (ProbeStep Step, int Errno) Run(ProbeRequest request)
    {
        ProbeReply reply = WriteProbe.Run(request);
        return (reply.Step, reply.Errno);
    }

    private static ProbeRequest Request(string mountPoint, params string[] folders)
    {
        int folder = Syscall.open(mountPoint, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
        Assert.Equal(0, Syscall.fstat(folder, out Stat status));
        int mountId = ProbedMount.MountIdOf(folder) ?? 0;
        Assert.Equal(0, Syscall.close(folder));
        return new ProbeRequest(1, DeviceNumbers.Of(status.st_dev), mountId, Encoding.UTF8.GetBytes(mountPoint))
        {
            IsBtrfs = true, Folders = [.. folders.Select(Encoding.UTF8.GetBytes)],
        };
    }

    private static IEnumerable<string?> Names(string folder)
        => Directory.EnumerateFileSystemEntries(folder).Select(Path.GetFileName);

    private void Shell(string line)
    {
        using var shell = System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo("sh", ["-c", line]) { WorkingDirectory = _top })!;
        shell.WaitForExit();
        Assert.Equal(0, shell.ExitCode);
    }
}
