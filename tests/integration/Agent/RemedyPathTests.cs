using System.Text;
using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Remedies;
using GuestAgent.Requests;
using GuestAgent.Signals.Parsing;
using Protocol.Health;
using Testbed.Agents;
using Testbed.Domains;
using Testbed.Linux;
using Tests.Integration.Testbed;
using Xunit;

namespace Tests.Integration.Agent;

/// <summary>Remedies on a real filesystem, in a folder of root's and in one of a user's.</summary>
[Collection(AgentProcess.SeesEveryMount)]
public sealed class RemedyPathTests : IAsyncLifetime
{
    // A tmpfs of root's own in place of the temporary folder, into which everyone may write.
    private const string Top = "/mnt";
    private const string Parent = "/mnt/home";
    private const string Target = "/mnt/home/data";

    private readonly string _folder = Directory.CreateTempSubdirectory("remedy-").FullName;
    private Disk? _disk;

    public async ValueTask InitializeAsync()
    {
        TestbedFixture.SkipUnlessPossible();
        await Tool.RequireAsync("mount", "-t", "tmpfs", "-o", "mode=755", "remedy-test", Top);
        Directory.CreateDirectory(Target);
        _disk = await Disk.CreateAsync(
            new DiskDefinition(DiskDefinition.Xvdb, "ext4", "/data"), Path.Combine(_folder, "storage"));
        await _disk.FormatAsync(Target);
        await Tool.RequireAsync("mount", "-o", "nosuid", _disk.Loop.Path, Target);
    }

    public async ValueTask DisposeAsync()
    {
        if (_disk is not null)
        {
            await Tool.RunAsync("umount", Target);
            await _disk.DisposeAsync();
            await Tool.RunAsync("umount", Top);
        }

        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_repair_below_roots_folders_checks_the_filesystem_and_mounts_it_as_it_was()
    {
        // A .NET program that is process 1 of its namespace takes the exit code of every child, e2fsck's too.
        Assert.SkipWhen(Environment.ProcessId == 1, "process 1 cannot wait for e2fsck; the healing tests repair");
        MountEntry before = Mounted()!;
        RemedyResult result = Repair(before);
        Assert.Equal((OutcomeReason.None, 0), (result.Reason, result.FsckExitCode));
        MountEntry after = Mounted()!;
        Assert.Equal(before.MountOptions, after.MountOptions);
        await Tool.RequireAsync("mount", "-o", "remount,ro", Target);
        Assert.Equal(OutcomeReason.None, Remount.Run(Mounted()!).Reason);
        Assert.Equal(MountClaim.Rw, Mounted()!.Claims);
    }

    [Theory]
    [InlineData("chown 12345")]
    [InlineData("chmod g+w")]
    [InlineData("chmod 1777")]
    public async Task A_folder_that_others_may_change_gets_no_remedy_and_stays_mounted(string change)
    {
        await Tool.RequireAsync("sh", "-c", $"{change} {Parent}");
        await Tool.RequireAsync("mount", "-o", "remount,ro", Target);
        MountEntry before = Mounted()!;
        foreach (RemedyResult result in (RemedyResult[])[Repair(before), Remount.Run(before)])
        {
            Assert.Equal((OutcomeReason.NotLegitimate, MountFolder.NotSafe), (result.Reason, result.Detail));
        }

        Assert.Equal(before.MountId, Mounted()!.MountId);
        Assert.Equal(MountClaim.Ro, Mounted()!.Claims);
    }

    [Fact]
    public async Task A_link_put_in_the_place_of_the_unmounted_folder_is_not_mounted_over()
    {
        MountEntry before = Mounted()!;
        using MountFolder folder = MountFolder.TryFind(before.MountPoint)!;
        await Tool.RequireAsync("umount", Target);
        Directory.Delete(Target);
        string other = Directory.CreateDirectory(Path.Combine(Top, "other")).FullName;
        await Tool.RequireAsync("ln", "-s", other, Target);
        string? error = MountCall.Run(
            Encoding.UTF8.GetBytes(_disk!.Loop.Path), before, folder, MountCall.FlagsOf(before), data: null);
        Assert.Equal("ENOTDIR", error);
        Assert.Null(Mounted());
        File.Delete(Target);
    }

    private static RemedyResult Repair(MountEntry mount)
        => new Repair(new PathRoot("/"), mount, Path.GetFileName(mount.Source.Encoded)).Run();

    private MountEntry? Mounted()
        => MountInfoParser.Parse(File.ReadAllBytes("/proc/self/mountinfo"))
            .SingleOrDefault(one => one.Device == new DeviceNumber(_disk!.Loop.Major, _disk.Loop.Minor));
}
