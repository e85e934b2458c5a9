using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Protocol.Kernel;
using Xunit;

namespace Tests.Unit.Bridge;

/// <summary>Guests in which no agent speaks: their console and this host's evidence make them suspect, never more.</summary>
public sealed class WithoutAgentTests
{
    private readonly BridgeStory _story = new();

    [Fact]
    public void An_abort_on_the_console_makes_a_guest_suspect_with_the_line_as_its_reason()
    {
        _story.StorageIs(true).Appear();
        Console(KernelLineKind.DeviceError, "I/O error, dev xvda, sector 5040");
        Console(KernelLineKind.JournalAborted, "Aborting journal on device xvda-8.");
        Console(KernelLineKind.FilesystemError, "EXT4-fs error (device xvda)");
        Assert.IsType<RecoveryState.Unknown>(_story.State());
        _story.Wait(200);
        Assert.Contains(
            "its console shows \"Aborting journal on device xvda-8.\"",
            Assert.IsType<RecoveryState.Suspect>(_story.State()).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Evidence_of_this_host_alone_makes_it_suspect_and_ends_with_its_window()
    {
        _story.StorageIs(true).Appear().Wait(200);
        Assert.IsType<RecoveryState.Unknown>(_story.State());
        _story.StorageIs(false).Wait(10).StorageIs(true).Wait(60);
        Assert.Contains(
            "this host saw a fault on its disks", Assert.IsType<RecoveryState.Suspect>(_story.State()).Reason,
            StringComparison.Ordinal);
        _story.Wait(_story.Policy.HostEvidenceWindow.TotalSeconds);
        Assert.IsType<RecoveryState.Unknown>(_story.State());
    }

    [Fact]
    public void A_fault_from_before_its_domain_is_none_of_it()
    {
        _story.StorageIs(false).Wait(5).StorageIs(true).Wait(5).Appear().Wait(300);
        Assert.IsType<RecoveryState.Unknown>(_story.State());
    }

    [Fact]
    public void A_boot_and_a_new_domain_begin_anew()
    {
        _story.StorageIs(true).Appear();
        Console(KernelLineKind.JournalAborted, "Aborting journal on device xvda-8.");
        _story.Wait(200);
        Assert.IsType<RecoveryState.Suspect>(_story.State());
        _story.Step(new BridgeInput.ConsoleRead("web1", new ConsoleSign.Booted()));
        Assert.IsType<RecoveryState.Unknown>(_story.State());
        Console(KernelLineKind.JournalAborted, "Aborting journal on device xvda-8.");
        Assert.IsType<RecoveryState.Suspect>(_story.State());
        _story.Gone().Appear(domain: 6).Wait(200);
        Assert.IsType<RecoveryState.Unknown>(_story.State());
    }

    [Fact]
    public void A_log_that_was_read_before_its_domain_was_seen_still_counts()
    {
        Console(KernelLineKind.JournalAborted, "Aborting journal on device xvda-8.");
        Console(KernelLineKind.TaskHung, "INFO: task x blocked for more than 120 seconds.");
        _story.StorageIs(true).Appear().Wait(200);
        Assert.Contains(
            "Aborting journal", Assert.IsType<RecoveryState.Suspect>(_story.State()).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void An_agent_knows_better_than_a_console()
    {
        _story.StorageIs(true).Appear();
        Console(KernelLineKind.JournalAborted, "Aborting journal on device xvda-8.");
        _story.Wait(200).Say(5, 1, 1, BridgeStory.Filesystem());
        Assert.IsType<RecoveryState.Healthy>(_story.State());
        Console(KernelLineKind.JournalAborted, "Aborting journal on device xvda-8.");
        _story.Wait(5);
        Assert.IsType<RecoveryState.Healthy>(_story.State());
    }

    [Fact]
    public void A_name_that_two_guests_have_means_neither()
    {
        _story.StorageIs(true);
        foreach (int number in new[] { 1, 2 })
        {
            _story.Step(new BridgeInput.GuestSeen(
                BridgeStory.Guest(number) with { Name = "twin" }, new DomainId(number), new GuestDisks([BridgeStory.Disk], [])));
        }

        _story.Step(new BridgeInput.ConsoleRead("twin", Fault(KernelLineKind.JournalAborted, "Aborting journal")));
        _story.Wait(200);
        Assert.All(_story.Loop.Guests, guest => Assert.IsType<RecoveryState.Unknown>(guest.State));
    }

    [Fact]
    public void Whatever_consoles_and_storage_show_nothing_is_ever_done()
    {
        CsCheck.Check.Sample(
            CsCheck.Gen.Int[0, 7].Array[40],
            steps =>
            {
                var story = new BridgeStory();
                story.StorageIs(true).Appear();
                foreach (int step in steps)
                {
                    switch (step)
                    {
                        case 0:
                            story.StorageIs(false);
                            break;
                        case 1:
                            story.StorageIs(true);
                            break;
                        case 2:
                            story.Step(new BridgeInput.ConsoleRead("web1", new ConsoleSign.Booted()));
                            break;
                        case 3:
                            story.Gone().Appear(domain: 7);
                            break;
                        case 4:
                            story.Wait(100);
                            break;
                        default:
                            story.Step(new BridgeInput.ConsoleRead("web1", Fault((KernelLineKind)step, "a line")));
                            break;
                    }
                }

                story.Wait(200);
                Assert.Empty(story.Acts);
                Assert.True(story.State() is RecoveryState.Unknown or RecoveryState.Suspect);
            },
            iter: 200);
    }

    private void Console(KernelLineKind kind, string text)
        => _story.Step(new BridgeInput.ConsoleRead("web1", Fault(kind, text)));

    private static ConsoleSign.Fault Fault(KernelLineKind kind, string text) => new(kind, text);
}
