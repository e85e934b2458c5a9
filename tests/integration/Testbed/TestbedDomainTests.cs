using System.Globalization;
using Testbed.Domains;
using Testbed.Linux;
using Xunit;

namespace Tests.Integration.Testbed;

/// <summary>The testbed's domains keep what they promise, with a stand-in for the agent.</summary>
public sealed class TestbedDomainTests(TestbedFixture fixture) : IClassFixture<TestbedFixture>
{
    private const int RefusedExitCode = 70;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_launch_script_refuses_the_pid_namespace_it_was_started_from()
    {
        string log = Path.Combine(fixture.Folder, "refused.log");

        ToolResult result = await Tool.RunAsync(
            "env", $"LOG_FILE={log}", $"MACHINE_PID_NAMESPACE={Containment.PidNamespace}",
            "sh", DomainBoot.LaunchScript, "/bin/false");

        Assert.Equal(RefusedExitCode, result.ExitCode);
        Assert.Contains("the machine's own PID namespace", File.ReadAllText(log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_launch_script_refuses_when_it_is_not_told_the_machines_pid_namespace()
    {
        string log = Path.Combine(fixture.Folder, "untold.log");

        ToolResult result = await Tool.RunAsync(
            "env", $"LOG_FILE={log}", "MACHINE_PID_NAMESPACE=", "sh", DomainBoot.LaunchScript, "/bin/false");

        Assert.Equal(RefusedExitCode, result.ExitCode);
    }

    [Fact]
    public async Task A_domain_sees_its_own_disks_and_the_signs_of_a_guest_and_nothing_of_the_machine()
    {
        TestbedFixture.SkipUnlessPossible();
        await using TestbedDomain domain = await fixture.CreateDomainAsync(
            "alone", new DiskDefinition(DiskDefinition.Xvdb, "ext4", "/srv/data"));
        await using DomainBoot boot = await domain.StartAsync(fixture.XenstoreSocket);

        IEnumerable<string> devices =
            Directory.GetFileSystemEntries(boot.Inside("/dev")).Select(path => Path.GetFileName(path)!);
        string[] expected =
        [
            "fd", "full", "kmsg", "null", "random", "urandom", "xen", "zero",
            domain.Disks[0].Loop.Name, domain.Disks[1].Loop.Name,
        ];
        Assert.Equal(expected.Order(), devices.Order());
        Assert.Equal("xen\n", File.ReadAllText(boot.Inside("/sys/hypervisor/type")));
        Assert.Equal(boot.BootId + "\n", File.ReadAllText(boot.Inside("/proc/sys/kernel/random/boot_id")));
        Assert.True(Directory.Exists(boot.Inside($"/sys/fs/ext4/{domain.Root.Loop.Name}")));
        Assert.Empty(Directory.GetFileSystemEntries(boot.Inside("/old-root")));
        Assert.StartsWith("rw", boot.MountClaim("/srv/data"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_restart_by_the_system_call_ends_only_the_domain_and_the_next_boot_has_another_boot_id()
    {
        TestbedFixture.SkipUnlessPossible();
        await using TestbedDomain domain = await fixture.CreateDomainAsync("restarts");
        await using DomainBoot first = await domain.StartAsync(fixture.XenstoreSocket);

        File.WriteAllText(first.Inside("/run/restart"), string.Empty);

        Assert.Equal(DomainBoot.RestartExitCode, await first.Ended.WaitAsync(Limit, Cancellation));
        Assert.False(domain.Root.Loop.IsInUse());
        await using DomainBoot second = await domain.StartAsync(fixture.XenstoreSocket);
        Assert.NotEqual(first.BootId, second.BootId);
        File.WriteAllText(second.Inside("/run/halt"), string.Empty);
        Assert.Equal(DomainBoot.HaltExitCode, await second.Ended.WaitAsync(Limit, Cancellation));
    }

    [Theory]
    [InlineData("ext3")]
    [InlineData("ext4")]
    public async Task Failing_storage_aborts_the_journal_while_the_mount_table_says_rw_and_e2fsck_brings_it_back(
        string filesystemType)
    {
        TestbedFixture.SkipUnlessPossible();
        const int CorrectedExitCode = 1;
        await using TestbedDomain domain = await fixture.CreateDomainAsync(
            "fails-" + filesystemType, new DiskDefinition(DiskDefinition.Xvdb, filesystemType, "/srv/data"));
        Disk disk = domain.DiskAt("/srv/data");
        await using (DomainBoot boot = await domain.StartAsync(fixture.XenstoreSocket))
        {
            WitnessFiles evidence = WitnessFiles.Write(boot.Inside("/srv/data"));
            using KernelLog kernelLog = KernelLog.OpenAtEnd();
            await disk.FailStorageAsync();
            await boot.WaitUntilJournalAbortedAsync(disk, kernelLog, Limit);

            Assert.StartsWith("rw", boot.MountClaim("/srv/data"), StringComparison.Ordinal);
            await disk.HealStorageAsync();
            Assert.Throws<IOException>(() => WitnessFiles.Write(boot.Inside("/srv/data")));
            Assert.Empty(evidence.Missing(boot.Inside("/srv/data")));
        }

        ToolResult check = await disk.CheckAsync("-f", "-p");
        Assert.InRange(check.ExitCode, 0, CorrectedExitCode);
        ToolResult again = await disk.CheckAsync("-f", "-n");
        Assert.Equal(0, again.ExitCode);
    }

    [Fact]
    public async Task A_domain_leaves_nothing_behind()
    {
        TestbedFixture.SkipUnlessPossible();
        string folder;
        string device;
        int processId;
        await using (TestbedDomain domain = await fixture.CreateDomainAsync("gone"))
        {
            await using DomainBoot boot = await domain.StartAsync(fixture.XenstoreSocket);
            folder = Path.Combine(fixture.Folder, "gone");
            device = domain.Root.Loop.Name;
            processId = boot.ProcessId;
            Assert.True(Directory.Exists(folder));
        }

        Assert.False(Directory.Exists(folder));
        Assert.DoesNotContain(folder, File.ReadAllText("/proc/self/mounts"), StringComparison.Ordinal);
        Assert.False(Directory.Exists(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}")));
        Assert.False(Directory.Exists($"/sys/block/{device}/loop"), $"{device} is still attached");
    }
}
