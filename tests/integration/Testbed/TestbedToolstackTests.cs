using System.Collections.Concurrent;
using System.Globalization;
using Testbed.Domains;
using Testbed.Linux;
using Testbed.Toolstack;
using Testbed.Xenstore;
using Xunit;

namespace Tests.Integration.Testbed;

/// <summary>The testbed's toolstack does to domains what xl does, with a stand-in for the agent.</summary>
public sealed class TestbedToolstackTests(TestbedFixture fixture) : IClassFixture<TestbedFixture>
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(10);

    private readonly ConcurrentQueue<string> _told = new();

    private string SocketPath => Path.Combine(fixture.Folder, "toolstack");

    private string Command => Path.Combine(fixture.Folder, "toolstack-command");

    [Fact]
    public async Task A_restarted_domain_has_a_new_domid_and_boot_id_and_the_same_uuid_and_disk()
    {
        TestbedFixture.SkipUnlessPossible();
        await using var xenstore = new EmbeddedXenstore(fixture.Folder);
        await using TestbedDomain domain = await fixture.CreateDomainAsync("again");
        await using TestbedToolstack toolstack = NewToolstack(xenstore);
        SupervisedDomain guest = await toolstack.StartAsync(domain);
        string bootId = guest.Boot.BootId;
        LoopDevice loop = domain.Root.Loop;
        string disk = string.Create(CultureInfo.InvariantCulture, $"{loop.Major:x}:{loop.Minor:x}");
        Assert.Equal(disk, xenstore.Read("/local/domain/0/backend/vbd/1/51712/physical-device"));

        await RestartAsync(guest);

        Assert.Equal(2, guest.DomainId);
        Assert.NotEqual(bootId, guest.Boot.BootId);
        Assert.Null(xenstore.Read("/local/domain/1/vm"));
        Assert.Null(xenstore.Read("/local/domain/0/backend/vbd/1/51712/physical-device"));
        Assert.Equal($"/vm/{domain.Definition.Uuid}", xenstore.Read("/local/domain/2/vm"));
        Assert.Equal(disk, xenstore.Read("/local/domain/0/backend/vbd/2/51712/physical-device"));
    }

    [Fact]
    public async Task A_forced_check_is_asked_for_by_the_command_and_done_at_the_next_start_only()
    {
        TestbedFixture.SkipUnlessPossible();
        await using var xenstore = new EmbeddedXenstore(fixture.Folder);
        await using TestbedDomain domain = await fixture.CreateDomainAsync("checked");
        await using TestbedToolstack toolstack = NewToolstack(xenstore);
        SupervisedDomain guest = await toolstack.StartAsync(domain);
        string uuid = domain.Definition.Uuid.ToString();
        Assert.Equal("unknown\n", await Tool.RequireAsync(Command, "fsck-result", uuid));

        await Tool.RequireAsync(Command, "force-fsck", uuid);
        await RestartAsync(guest);
        Assert.Equal("0\n", await Tool.RequireAsync(Command, "fsck-result", uuid));

        await RestartAsync(guest);
        Assert.Equal("unknown\n", await Tool.RequireAsync(Command, "fsck-result", uuid));
        Assert.Single(_told, text => text.Contains("e2fsck", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_domain_that_halts_stays_down()
    {
        TestbedFixture.SkipUnlessPossible();
        await using var xenstore = new EmbeddedXenstore(fixture.Folder);
        await using TestbedDomain domain = await fixture.CreateDomainAsync("halts");
        await using TestbedToolstack toolstack = NewToolstack(xenstore);
        SupervisedDomain guest = await toolstack.StartAsync(domain);

        File.WriteAllText(guest.Boot.Inside("/run/halt"), string.Empty);
        await WaitAsync(() => _told.Any(text => text.Contains("ended: Halt", StringComparison.Ordinal)));

        Assert.Null(xenstore.Read("/local/domain/1/vm"));
        Assert.Equal(1, guest.DomainId);
        Assert.False(domain.Root.Loop.IsInUse());
    }

    [Fact]
    public async Task Aborted_by_failing_storage_a_root_comes_back_with_a_forced_check_and_every_byte()
    {
        TestbedFixture.SkipUnlessPossible();
        const int Corrected = 1;
        await using var xenstore = new EmbeddedXenstore(fixture.Folder);
        await using TestbedDomain domain = await fixture.CreateDomainAsync("recovers");
        await using TestbedToolstack toolstack = NewToolstack(xenstore);
        SupervisedDomain guest = await toolstack.StartAsync(domain);
        WitnessFiles evidence = WitnessFiles.Write(guest.Boot.Inside("/"));
        using KernelLog kernelLog = KernelLog.OpenAtEnd();
        await domain.Root.FailStorageAsync();
        await guest.Boot.WaitUntilJournalAbortedAsync(domain.Root, kernelLog, Limit);
        await domain.Root.HealStorageAsync();

        await Tool.RequireAsync(Command, "force-fsck", domain.Definition.Uuid.ToString());
        await RestartAsync(guest);

        Assert.Equal(Corrected, guest.FsckExitCode);
        Assert.Empty(evidence.Missing(guest.Boot.Inside("/")));
        WitnessFiles.Write(guest.Boot.Inside("/var"));
    }

    [Fact]
    public async Task The_command_says_no_to_a_guest_or_an_order_that_it_does_not_know()
    {
        TestbedFixture.SkipUnlessPossible();
        await using var xenstore = new EmbeddedXenstore(fixture.Folder);
        await using TestbedToolstack toolstack = NewToolstack(xenstore);

        ToolResult unknownGuest = await Tool.RunAsync(Command, "force-fsck", Guid.NewGuid().ToString());
        ToolResult unknownOrder = await Tool.RunAsync(Command, "explode", Guid.NewGuid().ToString());

        Assert.Equal((1, 2), (unknownGuest.ExitCode, unknownOrder.ExitCode));
    }

    private TestbedToolstack NewToolstack(EmbeddedXenstore xenstore)
    {
        File.Delete(SocketPath);
        TestbedToolstack.WriteCommand(Command, SocketPath);
        return new TestbedToolstack(xenstore, SocketPath, (_, text) => _told.Enqueue(text));
    }

    private static async Task RestartAsync(SupervisedDomain guest)
    {
        DomainBoot before = guest.Boot;
        File.WriteAllText(before.Inside("/run/restart"), string.Empty);
        await WaitAsync(() => guest.Boot != before);
    }

    private static async Task WaitAsync(Func<bool> isSo)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!isSo())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Limit, "it did not happen in time");
            await Task.Delay(LookAgain, TestContext.Current.CancellationToken);
        }
    }
}
