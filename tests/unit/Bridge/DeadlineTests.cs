using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>A check takes minutes for each TiB: how long a new boot is waited for, and what makes that longer.</summary>
public sealed class DeadlineTests
{
    private const long Tebibyte = 1L << 40;
    private const int BootMinutes = 15;
    private const int MinutesPerTebibyte = 15;

    private static BridgeStory Restarted(long? sizeBytes)
    {
        BridgeStory story = new BridgeStory().DiskSizeIs(sizeBytes).WithAbortedRoot().RecordIntent().Arm()
            .Answer(RequestStatus.Accepted).Gone();
        return story.Appear(6);
    }

    private static void AssertEndsAfter(BridgeStory story, double minutes)
    {
        story.Wait((minutes * 60) - 1);
        Assert.IsType<RecoveryState.Recovering>(story.State());
        story.Wait(1);
        Assert.Contains("new boot did not report", story.Operator().Reason);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(40)]
    public void A_new_boot_is_waited_for_by_the_size_of_its_disks(int tebibytes)
        => AssertEndsAfter(Restarted(tebibytes * Tebibyte), BootMinutes + (MinutesPerTebibyte * tebibytes));

    [Fact]
    public void Disks_of_an_unknown_size_are_taken_for_large_ones()
        => AssertEndsAfter(Restarted(null), BootMinutes + (MinutesPerTebibyte * 8));

    [Fact]
    public void As_long_as_the_backend_moves_it_is_waited_for_up_to_a_limit()
    {
        BridgeStory story = Restarted(0);
        int minutes = 0;
        while (story.State() is RecoveryState.Recovering)
        {
            story.BackendMoves(6, ++minutes * 1000).Wait(60);
        }

        Assert.InRange(minutes, (12 * 60) - 1, (12 * 60) + 1);
        story.Operator();
    }

    [Fact]
    public void A_backend_that_stands_still_is_no_reason_to_wait_longer()
    {
        BridgeStory story = Restarted(0);
        for (int minute = 0; minute < BootMinutes - 1; minute++)
        {
            story.BackendMoves(6, 1000).Wait(60);
        }

        story.BackendMoves(7, 5000).Wait(61);
        story.Operator();
    }

    [Fact]
    public void A_domain_that_does_not_come_back_is_told_as_down_after_ten_minutes()
    {
        BridgeStory story = new BridgeStory().WithAbortedRoot().RecordIntent().Arm().Answer(RequestStatus.Accepted).Gone();
        story.Wait(599);
        Assert.IsType<RecoveryState.Recovering>(story.State());
        story.Wait(1);
        Assert.Contains("the guest is DOWN", story.Operator().Reason);
    }

    [Fact]
    public void A_repair_is_waited_for_by_the_size_as_well()
    {
        BridgeStory story = new BridgeStory().DiskSizeIs(4 * Tebibyte).WithAbortedData().RecordIntent()
            .Answer(RequestStatus.Accepted).Wait(75 * 60 - 1);
        Assert.IsType<RecoveryState.Recovering>(story.State());
        story.Wait(1);
        Assert.Contains("did not finish in time", story.Operator().Reason);
    }
}
