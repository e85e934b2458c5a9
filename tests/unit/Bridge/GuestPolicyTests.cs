using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>What the policy of a guest allows besides the defaults.</summary>
public sealed class GuestPolicyTests
{
    private static RecoveryPolicy With(GuestPolicy terms) => Recover with { AnyGuest = terms };

    [Fact]
    public void A_guest_may_be_restarted_without_a_check_where_its_policy_accepts_that()
    {
        BridgeStory story = new BridgeStory(With(new GuestPolicy { AcceptUnforcedReboot = true }))
            .WithAbortedRoot().RecordIntent().Arm(ArmingResult.Unavailable);
        Assert.Equal(RequestAction.Reboot, story.LastRequest.Action);
        Assert.Contains(story.Told(TellKind.Action), text => text.StartsWith("no check is forced", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_data_filesystem_that_cannot_be_repaired_is_a_reason_to_restart_only_by_policy(bool isAllowed)
    {
        BridgeStory story = new BridgeStory(With(new GuestPolicy { RebootForData = isAllowed })).WithAbortedData()
            .RecordIntent().Answer(RequestStatus.Accepted).Answer(RequestStatus.Failed, OutcomeReason.InUse).Wait(121);
        if (isAllowed)
        {
            Assert.Equal(Rung.Reboot, Assert.IsType<RecoveryState.Recovering>(story.State()).Rung);
            Assert.Equal("/srv", story.Of<RecoveryAction.RecordIntent>()[^1].Facts.Filesystem!.MountPoint.Encoded);
        }
        else
        {
            Assert.Contains("in-use", story.Operator().Reason);
        }
    }

    [Fact]
    public void A_check_that_left_errors_on_data_is_no_reason_to_restart()
        => new BridgeStory(With(new GuestPolicy { RebootForData = true })).WithAbortedData().RecordIntent()
            .Answer(RequestStatus.Accepted).Answer(RequestStatus.Failed, OutcomeReason.CheckFailed, fsck: 4).Operator();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_dead_xfs_data_filesystem_is_restarted_only_by_policy(bool isAllowed)
    {
        BridgeStory story = new BridgeStory(With(new GuestPolicy { RebootForData = isAllowed })).WithAbortedData("xfs");
        Assert.Equal(isAllowed, story.State() is RecoveryState.Recovering { Rung: Rung.Reboot });
        Assert.Equal(!isAllowed, story.State() is RecoveryState.NeedsOperator);
    }

    [Fact]
    public void One_guest_may_be_restarted_on_its_word_alone()
    {
        RecoveryPolicy policy = Recover with { ActWithoutHostEvidence = false };
        new BridgeStory(policy).WithAbortedRoot().Operator();
        policy = policy with { AnyGuest = new GuestPolicy { ActWithoutHostEvidence = true } };
        Assert.Single(new BridgeStory(policy).WithAbortedRoot().Of<RecoveryAction.RecordIntent>());
    }

    [Fact]
    public void The_uuid_goes_before_the_name_and_a_guest_without_either_has_the_policy_of_any()
    {
        var byUuid = new GuestPolicy { AllowDestroy = true };
        var byName = new GuestPolicy { OfflineCheck = true };
        RecoveryPolicy policy = Recover with
        {
            Guests = new Dictionary<string, GuestPolicy>
            {
                [Guest(1).Uuid.ToString()] = byUuid, ["web1"] = byName, ["web2"] = byName,
            },
        };
        Assert.Equal((byUuid, byName, policy.AnyGuest),
            (policy.Of(Guest(1)), policy.Of(Guest(2)), policy.Of(Guest(3))));
    }
}
