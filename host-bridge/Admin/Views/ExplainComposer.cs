using System.Globalization;
using HostBridge.Recovery;
using Protocol.Health;

namespace HostBridge.Admin.Views;

/// <summary>Makes the document that explains one guest.</summary>
internal static class ExplainComposer
{
    private static readonly KebabNames<GuestPriority> Priorities = new();
    private static readonly KebabNames<ExclusiveStorage> Exclusive = new();

    /// <summary>Everything that leads to what is done with it, or to nothing.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="disks">What is known of its disks.</param>
    /// <param name="picture">Everything else.</param>
    public static ExplainDocument Compose(
        GuestPicture guest, IReadOnlyList<DiskStanding> disks, BridgePicture picture)
    {
        GuestRecord record = guest.Record;
        RecoveryPolicy policy = picture.Policy;
        Moment at = picture.At;
        string name = record.Identity.Name;
        return new ExplainDocument
        {
            Time = at.Wall,
            Guest = StatusComposer.ToLine(guest, picture),
            Filesystems = [.. (record.Report?.Filesystems ?? []).Select(one => ToLine(one, record.Disks))],
            Console = record.ConsoleFault?.Text,
            Disks = [.. disks.Select(disk => ToLine(disk, policy, at))],
            WouldDo = guest.Outlook.Rung is Rung.Remount or Rung.Repair or Rung.Reboot
                ? ForcedCheck.Verb(guest.Outlook.Rung, guest.Outlook.Filesystem)
                : null,
            Hindrances = [.. guest.Outlook.Hindrances.Select(one => NextSteps.ToLine(one, name))],
            Recoveries =
            [
                .. record.Recoveries.Where(began => at.Elapsed - began < policy.BudgetWindow)
                    .Select(began => StatusComposer.WallAt(began, at)),
            ],
            MostRecoveries = policy.MaxPerGuest,
            RecoveryWindowSeconds = policy.BudgetWindow.TotalSeconds,
            OrderedUntil = record.Order is { } order ? StatusComposer.WallAt(order.Until, at) : null,
            Policy = PolicyOf(policy.Of(record.Identity), policy),
        };
    }

    private static FilesystemLine ToLine(FilesystemHealth one, GuestDisks disks) => new()
    {
        MountPoint = one.MountPoint.Encoded,
        Device = one.Device,
        Type = one.FilesystemType,
        Verdict = one.Verdict.ToName(),
        Hidden = one.Hidden,
        Claims = one.Claims.ToString().ToLowerInvariant(),
        Since = one.Since,
        DataLossSince = one.DataLossSince,
        Why = one.Why?.ToSentence(one.MountPoint, one.FilesystemType),
        Origins = [.. one.Origins.Select(origin => origin.ToName())],
        BootCheck = one.BootCheck.ToName(),
        BootCheckWhy = one.BootCheckWhy?.ToSentence(),
        NotServed = Triage.IsWell(one.Verdict) && one.Origins.Count == 0 ? null : DiskProviders.Advice(one, disks),
        Evidence =
        [
            .. one.Evidence.Select(fact
                => fact.Detail.Length > 0 ? $"{fact.Kind.ToName()}:{fact.Detail}" : fact.Kind.ToName()),
        ],
    };

    private static DiskLine ToLine(DiskStanding disk, RecoveryPolicy policy, Moment at) => new()
    {
        Name = disk.Name,
        Stable = disk.WhyClosed is null,
        WhyNot = disk.WhyClosed,
        Text = disk.Text,
        UsableSince = disk.UsableSince is { } since ? StatusComposer.WallAt(since, at) : null,
        StableAt = disk.UsableSince is { } usable && usable + policy.StableFor > at.Elapsed
            ? StatusComposer.WallAt(usable + policy.StableFor, at)
            : null,
        LastFault = disk.LastFault?.Text,
        LastFaultAt = disk.LastFault is { } fault ? StatusComposer.WallAt(fault.At, at) : null,
        LostPaths = disk.LostPaths,
        LunGroups = disk.LunGroups,
        SizeBytes = disk.SizeBytes,
    };

    private static IReadOnlyList<PolicyLine> PolicyOf(GuestPolicy own, RecoveryPolicy policy)
    {
        GuestPolicy any = policy.AnyGuest;
        return
        [
            new("mode", Mode(own.Mode ?? policy.Mode), Mode(policy.Mode)),
            new(
                "act-without-host-evidence",
                Bool(own.ActWithoutHostEvidence ?? policy.ActWithoutHostEvidence),
                Bool(any.ActWithoutHostEvidence ?? policy.ActWithoutHostEvidence)),
            new("allow-destroy", Bool(own.AllowDestroy), Bool(any.AllowDestroy)),
            new("offline-check", Bool(own.OfflineCheck), Bool(any.OfflineCheck)),
            new("exclusive-storage", Exclusive.ToName(own.ExclusiveStorage), Exclusive.ToName(any.ExclusiveStorage)),
            new("accept-unforced-reboot", Bool(own.AcceptUnforcedReboot), Bool(any.AcceptUnforcedReboot)),
            new("reboot-for-data", Bool(own.RebootForData), Bool(any.RebootForData)),
            new("priority", Priorities.ToName(own.Priority), Priorities.ToName(any.Priority)),
            new("stable-seconds", Seconds(policy.StableFor), Seconds(policy.StableFor)),
            new("grace-seconds", Seconds(policy.GraceAfterBoot), Seconds(policy.GraceAfterBoot)),
        ];
    }

    private static string Mode(BridgeMode mode) => StatusComposer.ModeName(mode);

    private static string Bool(bool value) => value ? "true" : "false";

    private static string Seconds(TimeSpan span) => span.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture);
}
