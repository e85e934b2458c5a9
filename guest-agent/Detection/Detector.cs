using System.Collections.Immutable;
using Protocol.Health;

namespace GuestAgent.Detection;

/// <summary>
/// All watched filesystems. <see cref="Observe"/> folds one fact in and gives the next state; nothing here waits,
/// reads or writes.
/// </summary>
internal sealed record Detector
{
    /// <summary>Between the two steps of a remount lies nothing that waits (do_remount, fs/namespace.c).</summary>
    private static readonly TimeSpan RemountEndsWithin = TimeSpan.FromSeconds(1);

    private Detector()
    {
    }

    /// <summary>Nothing is known yet.</summary>
    public static Detector Empty { get; } = new();

    /// <summary>By device.</summary>
    public ImmutableSortedDictionary<DeviceNumber, WatchedFilesystem> Filesystems { get; private init; }
        = ImmutableSortedDictionary.Create<DeviceNumber, WatchedFilesystem>(
            Comparer<DeviceNumber>.Create((a, b) => (a.Major, a.Minor).CompareTo((b.Major, b.Minor))));

    /// <summary>What makes the guest restart itself, for people: a watchdog's name, a setting of the kernel.</summary>
    public IReadOnlyList<string> SelfReset { get; private init; } = [];

    /// <summary>When the agent first looked, in time since boot; before that when it has not.</summary>
    private TimeSpan StartedAt { get; init; } = TimeSpan.MaxValue;

    /// <summary>The filesystem that is reported there, or is probed through that mount; null when none is.</summary>
    public WatchedFilesystem? At(MountPoint mountPoint)
        => Filesystems.Values.FirstOrDefault(one => one.Mount.ReportedAt == mountPoint)
            ?? Filesystems.Values.FirstOrDefault(one => one.Mount.MountPoint == mountPoint);

    /// <summary>What is held true of each, worst first.</summary>
    public IReadOnlyList<FilesystemHealth> Healths
        => [.. Filesystems.Values
            .Select(one => one.Health)
            .OrderByDescending(one => one.Verdict.ToRank())
            .ThenByDescending(one => one.Role)
            .ThenBy(one => one.MountPoint.Encoded, StringComparer.Ordinal)];

    /// <summary>Folds one fact in, and judges anew what it touches.</summary>
    public Detector Observe(Observation observation, Moment now) => observation switch
    {
        Observation.MountTableRead read => WithMounts(read, now),
        Observation.ProbeStarted probe => With(probe.Device, now, one => one with
        {
            Probe = one.Probe with
            {
                OutstandingId = probe.ProbeId, StartedAt = now, Wanted = false, IsUrgent = false, FreezeWait = null,
                StoodStill = TimeSpan.Zero, BeganAtTheEnd = one.IsAtItsEnd,
            },
        }),
        Observation.ProbeFinished probe => With(probe.Device, now, one => WithProbe(one, probe, now)),
        Observation.ProbeNotStarted probe => With(probe.Device, now, one => one with
        {
            Probe = one.Probe with { LastFinishedAt = now, Fruitless = one.Probe.Fruitless + 1 },
        }),
        Observation.ProbeWanted probe => With(probe.Device, now, one => one with
        {
            Probe = one.Probe with { Wanted = true },
        }),
        Observation.ProbeFoundOutstanding found => With(found.Device, now, one => one with
        {
            Probe = one.Probe with { OutstandingId = found.ProbeId, StartedAt = found.StartedAt },
            Activity = new ActivityFacts
            {
                Last = new BlockActivity(0, found.WriteCompletions, IsReadOnly: false),
                UnchangedSince = found.StartedAt,
            },
        }),
        Observation.ProbeLost lost => With(lost.Device, now, one => one.Probe.OutstandingId != lost.ProbeId ? one : one with
        {
            Probe = one.Probe with
            {
                OutstandingId = null, LastFinishedAt = now, Fruitless = one.Probe.Fruitless + 1, Wanted = true,
            },
        }),
        Observation.FreezeWaitSeen seen => With(seen.Device, now, one => one with
        {
            Probe = one.Probe with { FreezeWait = seen.FreezeWait },
        }),
        Observation.KernelLineSeen seen => WithAll(now, one => KernelLines.Concerns(seen.Line, one)
            ? KernelLines.Fold(one, seen.Line, now, isReplayed: seen.Line.At < StartedAt)
            : one),
        Observation.EventsLost => WithAll(now, one => one.IsAtItsEnd
            ? one
            : one with { Probe = one.Probe.WithNews(now) }),
        Observation.FilesystemErrorTold told => With(told.Device, now, one => WithErrorEvent(one, told, now)),
        Observation.ErrorsCountRead read => With(read.Device, now, one => WithErrorsCount(one, read, now)),
        Observation.ActivitySampled sample => With(sample.Device, now, one => one with
        {
            Activity = NextActivity(one.Activity, sample.Activity, now),
        }),
        Observation.StoodStill still => WithAll(now, one => one with
        {
            Probe = one.Probe.Without(still.For),
            Activity = one.Activity with { UnchangedSince = one.Activity.UnchangedSince + still.For },
        }),
        Observation.ProbingStopped stopped => With(stopped.Device, now, one => one with
        {
            ProbingStopped = stopped.Reason,
        }),
        Observation.SelfResetRead read => WithSelfReset(read.Means, now),
        _ => throw new InvalidOperationException($"unknown observation {observation}"),
    };

    /// <summary>Judges everything anew because time has passed.</summary>
    public Detector Pass(Moment now) => WithAll(now, one => one);

    private Detector WithMounts(Observation.MountTableRead read, Moment now)
    {
        var next = Filesystems;
        foreach (DeviceNumber gone in Filesystems.Keys.Except(read.Mounts.Select(one => one.Mount.Device)))
        {
            next = next.Remove(gone);
        }

        foreach (ObservedMount observed in read.Mounts)
        {
            WatchedFilesystem one = next.TryGetValue(observed.Mount.Device, out WatchedFilesystem? known)
                && IsTheSame(known.Mount, observed.Mount)
                && known.Observed.DiskSequence == observed.DiskSequence
                    ? WithChangedMount(known, observed, now)
                    : NewlySeen(observed, read.IsFirst, known, now);
            next = next.SetItem(observed.Mount.Device, Judged(one, now));
        }

        return this with { Filesystems = next, StartedAt = read.IsFirst ? now.SinceBoot : StartedAt };
    }

    private WatchedFilesystem NewlySeen(
        ObservedMount observed, bool isFirst, WatchedFilesystem? before, Moment now)
    {
        // Another attachment of a disk is another disk: what was said of the one before says nothing of this one.
        KernelFacts? kept = before?.Observed.DiskSequence == observed.DiskSequence ? before?.Kernel : null;
        bool isForced = observed.Mount.LooksForcedReadOnly;
        return new WatchedFilesystem
        {
            Observed = observed,
            SeenAt = now,
            FilesystemId = kept is null ? null : before!.FilesystemId,
            SelfReset = observed.Mount.ReportedAt.IsRoot ? SelfReset : [],
            // What the kernel said in this boot, or what it said between the mount and this reading, still holds;
            // a line "mounted filesystem" has cleared what belongs to an earlier mount.
            Kernel = kept ?? new KernelFacts(),
            ForcedReadOnlySince = isForced ? now : null,
            AdministratorRemountSeen = !isFirst && observed.Mount.Claims == MountClaim.Ro && !isForced,
            Probe = new ProbeFacts { OutstandingId = null, Wanted = true, LastFinishedAt = now },
            Health = new FilesystemHealth
            {
                MountPoint = observed.Mount.ReportedAt,
                Device = observed.DeviceName,
                FilesystemType = observed.Mount.FilesystemType,
                Role = observed.Mount.ReportedAt.IsRoot ? FilesystemRole.Root : FilesystemRole.Data,
                Verdict = Verdict.Unknown,
                Since = now.WallClock,
                Claims = observed.Mount.Claims,
            },
        };
    }

    /// <summary>
    /// The filesystem stayed mounted: by the mount that is probed or by the one that it is reported by. The kernel gives
    /// ids again, so the path counts too.
    /// </summary>
    private static bool IsTheSame(MountEntry before, MountEntry now)
        => (before.MountId == now.MountId && before.MountPoint == now.MountPoint)
            || (before.ReportedMountId == now.ReportedMountId && before.ReportedAt == now.ReportedAt);

    /// <summary>
    /// Whether the superblock is read-only by the kernel's doing. A mount explains it only when it became read-only in
    /// the same reading: one that is new, or was read-only before, says nothing.
    /// </summary>
    private static bool IsForced(WatchedFilesystem known, MountEntry mount)
    {
        if (!mount.IsSuperReadOnly)
        {
            return false;
        }

        bool isExplained = mount.ReadOnlyMountIds.Any(known.Mount.WritableMountIds.Contains);
        return known.Mount.IsSuperReadOnly
            ? known.IsForcedReadOnly && !isExplained
            : !isExplained && !mount.IsMountReadOnly;
    }

    private static WatchedFilesystem WithChangedMount(WatchedFilesystem known, ObservedMount observed, Moment now)
    {
        // A remount changes the superblock first and the mount an instant later: in between it looks forced.
        bool wasBetween = known.ForcedReadOnlySince is { } since && now - since <= RemountEndsWithin;
        bool becameReadOnly = observed.Mount.Claims == MountClaim.Ro
            && (known.Mount.Claims == MountClaim.Rw || wasBetween);
        bool isReadOnly = observed.Mount.Claims == MountClaim.Ro;
        bool isForced = IsForced(known, observed.Mount) || (known.IsForcedReadOnly && !wasBetween && isReadOnly);
        // It wrote until the remount, or met nothing but the first moments of one: the kernel refuses writes before
        // the table says so.
        bool wroteBefore = known.Probe.Last is null or { Wrote: true } or { ErrnoName: "EROFS" };
        bool withoutError = wroteBefore && !isForced
            && !known.HasAbortEvidence && !known.Kernel.RemountedReadOnly
            && known.Health.Verdict != Verdict.JournalAborted;
        bool optionsChanged = !known.Mount.SuperOptions.SequenceEqual(observed.Mount.SuperOptions)
            || !known.Mount.MountOptions.SequenceEqual(observed.Mount.MountOptions);
        return known with
        {
            Observed = observed,
            ForcedReadOnlySince = isForced ? known.ForcedReadOnlySince ?? now : null,
            AdministratorRemountSeen = isReadOnly
                && (known.AdministratorRemountSeen || (becameReadOnly && withoutError)),
            Probe = known.Mount.MountId == observed.Mount.MountId
                ? known.Probe with { Wanted = known.Probe.Wanted || optionsChanged }
                : known.Probe.ThroughAnotherMount(),
            Health = known.Health with
            {
                MountPoint = observed.Mount.ReportedAt,
                Role = observed.Mount.ReportedAt.IsRoot ? FilesystemRole.Root : FilesystemRole.Data,
            },
        };
    }

    private static WatchedFilesystem WithProbe(
        WatchedFilesystem one, Observation.ProbeFinished probe, Moment now)
    {
        // A probe from before a remount or from a probe process that was given up says nothing any more.
        if (one.Probe.OutstandingId != probe.ProbeId)
        {
            return one;
        }

        TimeSpan duration = probe.Result.Duration - one.Probe.StoodStill;
        bool lostWrite = probe.Result is { Step: ProbeStep.Sync or ProbeStep.Write, ErrnoName: "EIO" };
        WatchedFilesystem identified = WithLostWrite(WithFilesystemId(one, probe.Result.FilesystemId));
        return identified with
        {
            Probe = one.Probe with
            {
                OutstandingId = null,
                Last = probe.Result with { Duration = duration > TimeSpan.Zero ? duration : TimeSpan.Zero },
                LastStartedAt = one.Probe.StartedAt,
                LastWaitedForThaw = one.Probe.FreezeWait is not null,
                LastFinishedAt = now,
                Fruitless = 0,
                HasWritten = one.Probe.HasWritten || probe.Result.Wrote,
                ReadOnlySince = probe.Result.ErrnoName == "EROFS" ? one.Probe.ReadOnlySince ?? now : null,
            },
        };

        WatchedFilesystem WithLostWrite(WatchedFilesystem written) => !lostWrite ? written : written with
        {
            Kernel = written.Kernel with { WriteLostSince = written.Kernel.WriteLostSince ?? now.WallClock },
        };
    }

    /// <summary>A write that was lost on another filesystem, before this one was mounted, is not this one's.</summary>
    private static WatchedFilesystem WithFilesystemId(WatchedFilesystem one, ulong? id)
    {
        bool isOther = id is not null && one.FilesystemId is { } known && known != id;
        bool isEarlier = one.Kernel.WriteLostSince < one.SeenAt.WallClock;
        return one with
        {
            FilesystemId = id ?? one.FilesystemId,
            Kernel = isOther && isEarlier ? one.Kernel with { WriteLostSince = null } : one.Kernel,
        };
    }

    private static WatchedFilesystem WithErrorsCount(
        WatchedFilesystem one, Observation.ErrorsCountRead read, Moment now)
    {
        bool grew = read.Count > (one.ErrorsCount ?? read.Count);
        // On a dead filesystem the probe itself makes the count grow: it must not feed itself.
        bool isNews = grew && !one.IsAtItsEnd;
        return one with
        {
            // A check sets the count to 0, and the kernel may give a new mount the old one's id.
            ErrorsBaseline = Math.Min(one.ErrorsBaseline ?? read.Count, read.Count),
            ErrorsCount = read.Count,
            ErrorsGrewAt = grew ? now : one.ErrorsGrewAt,
            LastError = read.Last,
            Probe = isNews ? one.Probe.WithNews(now) : one.Probe,
        };
    }

    private static WatchedFilesystem WithErrorEvent(
        WatchedFilesystem one, Observation.FilesystemErrorTold told, Moment now) => one with
    {
        Kernel = one.Kernel with { ErrorEvent = told.ErrnoName },
        Probe = one.IsAtItsEnd ? one.Probe : one.Probe.WithNews(now),
    };

    private Detector WithSelfReset(IReadOnlyList<string> means, Moment now)
        => (this with { SelfReset = means }).WithAll(now, one => one with
        {
            SelfReset = one.Role == FilesystemRole.Root ? means : [],
        });

    private static ActivityFacts NextActivity(ActivityFacts before, BlockActivity sample, Moment now)
    {
        bool changed = sample.WriteCompletions != before.Last.WriteCompletions;
        return new ActivityFacts { Last = sample, UnchangedSince = changed ? now : before.UnchangedSince };
    }

    private Detector With(DeviceNumber device, Moment now, Func<WatchedFilesystem, WatchedFilesystem> change)
        => Filesystems.TryGetValue(device, out WatchedFilesystem? one)
            ? this with { Filesystems = Filesystems.SetItem(device, Judged(change(one), now)) }
            : this;

    private Detector WithAll(Moment now, Func<WatchedFilesystem, WatchedFilesystem> change)
    {
        var next = Filesystems;
        foreach (WatchedFilesystem one in Filesystems.Values)
        {
            next = next.SetItem(one.Device, Judged(change(one), now));
        }

        return this with { Filesystems = next };
    }

    private static WatchedFilesystem Judged(WatchedFilesystem one, Moment now)
    {
        Judgement judgement = Classifier.Judge(one, now);
        bool same = judgement.Verdict == one.Health.Verdict;
        MountClaim claims = one.Mount.Claims;
        FilesystemHealth health = one.Health with
        {
            Verdict = judgement.Verdict,
            Since = same ? one.Health.Since : SinceWhen(one, judgement.Verdict, now),
            Claims = claims,
            Why = judgement.Why,
            Hidden = claims == MountClaim.Rw && WritesFail(judgement.Verdict),
            Evidence = judgement.Evidence,
            DataLossSince = one.Kernel.WriteLostSince,
            Origins = one.Observed.Origins,
            BootCheck = one.Observed.BootCheck,
            BootCheckWhy = one.Observed.BootCheckWhy,
        };
        return health.SaysTheSameAs(one.Health) ? one : one with { Health = health };
    }

    /// <summary>A probe that is away speaks of the moment it began, also when an agent before this one began it.</summary>
    private static DateTimeOffset SinceWhen(WatchedFilesystem one, Verdict verdict, Moment now)
        => one.Probe.OutstandingId is not null && verdict is Verdict.Slow or Verdict.Hung
            ? one.Probe.StartedAt.WallClock
            : now.WallClock;

    private static bool WritesFail(Verdict verdict)
        => verdict is Verdict.JournalAborted or Verdict.ShutDown or Verdict.RemountedReadOnly or Verdict.DeviceFailing
            or Verdict.Hung;
}
