using Protocol.Health;

namespace HostBridge.Recovery;

/// <summary>A domain that the hypervisor still lists.</summary>
/// <param name="Domain">Its number.</param>
/// <param name="Uuid">Its uuid; null when it is not told, as of some dying domains.</param>
/// <param name="IsDying">Whether it is on its way out; its I/O and grants may still be in flight.</param>
internal sealed record DomainListed(DomainId Domain, Guid? Uuid, bool IsDying);

/// <summary>What this bridge noted, durably, when it destroyed a domain.</summary>
/// <param name="Guest">The uuid of the guest.</param>
/// <param name="Domain">The domain that was destroyed.</param>
/// <param name="Intent">Under which intent.</param>
/// <param name="HostBoot">The boot of this host: numbers of domains and devices mean nothing in another.</param>
/// <param name="DiskIdentity">
/// What tells the disk from any other, with its size, as it was then; null when it was not known.
/// </param>
internal sealed record DestroyedDomain(
    Guid Guest, DomainId Domain, RequestId Intent, BootId HostBoot, string? DiskIdentity);

/// <summary>What was read of one disk right before it is to be checked, under the lock. Null is not known.</summary>
internal sealed record OfflineFacts
{
    /// <summary>Whose disk it is.</summary>
    public required Guid Guest { get; init; }

    /// <summary>The intent under which it is to be checked.</summary>
    public required RequestId Intent { get; init; }

    /// <summary>This boot of the host; none when not known.</summary>
    public required BootId HostBoot { get; init; }

    /// <summary>Our own record of the destroyed domain; null when there is none.</summary>
    public required DestroyedDomain? Destroyed { get; init; }

    /// <summary>Whether somebody created the guest since, as far as can be told; it may be gone again.</summary>
    public required bool IsCreatedSince { get; init; }

    /// <summary>Every domain that the hypervisor lists, the dying too.</summary>
    public required IReadOnlyList<DomainListed>? Domains { get; init; }

    /// <summary>
    /// The block backends, in whatever domain, on the disk or on anything above or below it (holders and slaves), for
    /// a person.
    /// </summary>
    public required IReadOnlyList<string>? Backends { get; init; }

    /// <summary>Where the disk or anything above or below it is mounted, in any mount namespace.</summary>
    public required IReadOnlyList<string>? Mounts { get; init; }

    /// <summary>What holds the disk or a partition of it: device mapper, md, bcache.</summary>
    public required IReadOnlyList<string>? Holders { get; init; }

    /// <summary>Which of these devices are swapped to.</summary>
    public required IReadOnlyList<string>? Swaps { get; init; }

    /// <summary>Whether open(2) with O_EXCL succeeded; the descriptor is kept until the check is over.</summary>
    public required bool? OpenedExclusively { get; init; }

    /// <summary>What the administrator says of other hosts.</summary>
    public required ExclusiveStorage Exclusive { get; init; }

    /// <summary>What proves that no other host uses the disk; null when nothing does.</summary>
    public required string? ExclusiveProof { get; init; }

    /// <summary>What tells the disk from any other, with its size, as it is now.</summary>
    public required string? DiskIdentity { get; init; }

    /// <summary>The type of the filesystem, by its superblock: <c>ext4</c>.</summary>
    public required string? FilesystemType { get; init; }

    /// <summary>Whether the filesystem fills the whole disk or one partition of it.</summary>
    public required bool? IsWholeDiskOrPartition { get; init; }
}

/// <summary>
/// Whether a guest's disk may be checked from Dom0. blkback holds its device without a holder (blkdev_get_by_dev with
/// NULL), so O_EXCL alone does not show a guest that uses it: everything here must hold at once. What is not known
/// counts as a reason against.
/// </summary>
internal static class OfflineGate
{
    /// <summary>Why nothing more is done to a guest that came back by another hand, in words.</summary>
    public const string CreatedSince = "somebody created it since its domain was destroyed";

    /// <summary>Why the disk must not be checked, for a person; none when it may be.</summary>
    /// <param name="facts">What was read right before.</param>
    /// <param name="safeguards">Those that hold: all of them, outside of a simulation.</param>
    public static IReadOnlyList<string> Refusals(OfflineFacts facts, Safeguards safeguards)
    {
        var refusals = new List<string>();
        if (safeguards.HasFlag(Safeguards.OwnHandOnly))
        {
            AddForOrigin(facts, refusals);
        }

        if (safeguards.HasFlag(Safeguards.DiskUnused))
        {
            AddForDomains(facts, refusals);
            AddWhatUses("a block backend has it", "the block backends", facts.Backends, refusals);
            AddWhatUses("it is mounted", "the mounts", facts.Mounts, refusals);
            AddWhatUses("it is held", "its holders", facts.Holders, refusals);
            AddWhatUses("it is swapped to", "the swaps", facts.Swaps, refusals);
            if (facts.OpenedExclusively != true)
            {
                refusals.Add("it cannot be opened for this use alone (O_EXCL)");
            }

            AddForOtherHosts(facts, refusals);
        }

        AddForKind(facts, refusals);
        return refusals;
    }

    private static void AddForOrigin(OfflineFacts facts, List<string> refusals)
    {
        if (facts.Destroyed is not { } destroyed)
        {
            refusals.Add("its domain was not destroyed by this bridge");
            return;
        }

        if (destroyed.Guest != facts.Guest || destroyed.Intent != facts.Intent)
        {
            refusals.Add($"its domain was destroyed under another intent ({destroyed.Intent})");
        }

        if (facts.IsCreatedSince)
        {
            refusals.Add(CreatedSince);
        }

        if (facts.HostBoot.IsNone || destroyed.HostBoot != facts.HostBoot)
        {
            refusals.Add("its domain was destroyed before this host booted");
        }

        if (facts.DiskIdentity is null || destroyed.DiskIdentity != facts.DiskIdentity)
        {
            refusals.Add(
                $"the disk is now {facts.DiskIdentity ?? "not known"}, but was "
                    + $"{destroyed.DiskIdentity ?? "not known"} when the domain was destroyed");
        }
    }

    private static void AddForDomains(OfflineFacts facts, List<string> refusals)
    {
        if (facts.Domains is not { } domains)
        {
            refusals.Add("the domains of this host cannot be listed");
            return;
        }

        foreach (DomainListed domain in domains)
        {
            bool isItsOwn = domain.Uuid == facts.Guest || domain.Domain == facts.Destroyed?.Domain;
            if (isItsOwn || domain.Uuid is null)
            {
                refusals.Add($"domain {domain.Domain} {(domain.IsDying ? "is still dying" : "runs")}");
            }
        }
    }

    private static void AddWhatUses(string use, string what, IReadOnlyList<string>? found, List<string> refusals)
    {
        if (found is null)
        {
            refusals.Add($"{what} cannot be read");
        }
        else if (found.Count > 0)
        {
            refusals.Add($"{use}: {string.Join(", ", found)}");
        }
    }

    private static void AddForOtherHosts(OfflineFacts facts, List<string> refusals)
    {
        if (facts.Exclusive == ExclusiveStorage.No)
        {
            refusals.Add("another host may use it (exclusive-storage = no)");
        }
        else if (facts is { Exclusive: ExclusiveStorage.Unknown, ExclusiveProof: null })
        {
            refusals.Add("nobody says that no other host uses it; set exclusive-storage = yes if that is so");
        }
    }

    private static void AddForKind(OfflineFacts facts, List<string> refusals)
    {
        if (RecoveryTable.ToFamily(facts.FilesystemType ?? string.Empty) != FilesystemFamily.Ext)
        {
            refusals.Add($"there is no check for a {facts.FilesystemType ?? "filesystem that is not known"}");
        }

        if (facts.IsWholeDiskOrPartition != true)
        {
            refusals.Add("its filesystem is neither on the whole disk nor in a partition");
        }
    }
}
