using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>A guest's disk is checked from Dom0 only when nothing at all could use it.</summary>
public sealed class OfflineGateTests
{
    private static readonly OfflineFacts Free = new()
    {
        Guest = Guest().Uuid,
        Intent = Intent("reboot-1"),
        HostBoot = Boot(9),
        Destroyed = new DestroyedDomain(Guest().Uuid, new DomainId(5), Intent("reboot-1"), Boot(9), "naa.6001 20 GiB"),
        Domains = [new DomainListed(new DomainId(7), Guest(2).Uuid, IsDying: false)],
        Backends = [],
        Mounts = [],
        Holders = [],
        Swaps = [],
        OpenedExclusively = true,
        Exclusive = ExclusiveStorage.Yes,
        ExclusiveProof = null,
        IsCreatedSince = false,
        DiskIdentity = "naa.6001 20 GiB",
        FilesystemType = "ext3",
        IsWholeDiskOrPartition = true,
    };

    private static RequestId Intent(string text) => RequestId.TryParse(text, out RequestId id) ? id : default;

    private static IReadOnlyList<string> Refusals(OfflineFacts facts) => OfflineGate.Refusals(facts, Safeguards.All);

    [Fact]
    public void A_disk_that_nothing_can_use_may_be_checked()
        => Assert.Empty(Refusals(Free));

    [Fact]
    public void Any_single_doubt_refuses_and_says_why()
    {
        (OfflineFacts Facts, string Words)[] doubts =
        [
            (Free with { Destroyed = null }, "not destroyed by this bridge"),
            (Free with { Intent = Intent("reboot-2") }, "another intent"),
            (Free with { HostBoot = Boot(8) }, "before this host booted"),
            (Free with { HostBoot = default }, "before this host booted"),
            (Free with { IsCreatedSince = true }, "somebody created it since"),
            (Free with { DiskIdentity = "naa.6002 20 GiB" }, "the disk is now naa.6002"),
            (Free with { DiskIdentity = null, Destroyed = Free.Destroyed! with { DiskIdentity = null } }, "not known"),
            (Free with { Domains = null }, "cannot be listed"),
            (Free with { Domains = [new(new DomainId(8), Guest().Uuid, IsDying: false)] }, "domain 8 runs"),
            (Free with { Domains = [new(new DomainId(5), null, IsDying: true)] }, "domain 5 is still dying"),
            (Free with { Domains = [new(new DomainId(6), null, IsDying: true)] }, "domain 6 is still dying"),
            (Free with { Backends = ["domain 7, xvda"] }, "a block backend has it: domain 7, xvda"),
            (Free with { Backends = null }, "the block backends cannot be read"),
            (Free with { Mounts = ["/mnt"] }, "it is mounted: /mnt"),
            (Free with { Mounts = null }, "the mounts cannot be read"),
            (Free with { Holders = ["dm-3"] }, "it is held: dm-3"),
            (Free with { Holders = null }, "its holders cannot be read"),
            (Free with { Swaps = ["8:17"] }, "it is swapped to: 8:17"),
            (Free with { Swaps = null }, "the swaps cannot be read"),
            (Free with { OpenedExclusively = false }, "O_EXCL"),
            (Free with { OpenedExclusively = null }, "O_EXCL"),
            (Free with { Exclusive = ExclusiveStorage.No, ExclusiveProof = "reserved" }, "another host may use it"),
            (Free with { Exclusive = ExclusiveStorage.Unknown }, "exclusive-storage = yes"),
            (Free with { FilesystemType = "xfs" }, "no check for a xfs"),
            (Free with { FilesystemType = null }, "not known"),
            (Free with { IsWholeDiskOrPartition = false }, "nor in a partition"),
            (Free with { IsWholeDiskOrPartition = null }, "nor in a partition"),
        ];
        Assert.All(doubts, doubt => Assert.Contains(doubt.Words, Assert.Single(Refusals(doubt.Facts))));
    }

    [Fact]
    public void A_proof_that_no_other_host_uses_it_stands_for_the_administrators_word()
        => Assert.Empty(Refusals(Free with { Exclusive = ExclusiveStorage.Unknown, ExclusiveProof = "reserved by us" }));

    [Fact]
    public void With_its_switch_off_a_disk_in_use_would_be_checked()
        => Assert.Empty(OfflineGate.Refusals(
            Free with { Backends = ["domain 7, xvda"], Mounts = ["/mnt"] }, Safeguards.All & ~Safeguards.DiskUnused));
}
