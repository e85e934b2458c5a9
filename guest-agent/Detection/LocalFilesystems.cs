using Protocol.Health;

namespace GuestAgent.Detection;

/// <summary>
/// Which filesystems the agent watches, and through which mount each is probed. Bind mounts, subvolumes and containers
/// repeat a superblock many times; its health is one.
/// </summary>
internal static class LocalFilesystems
{
    /// <summary>The folder of the package, for the probe file where the top folder of a mount is not fit for it.</summary>
    private static readonly MountPoint PackageFolder = MountPoint.FromText("/var/lib/guest-agent");

    /// <summary>A folder in the top folder of a whole filesystem that is a user's or everybody's.</summary>
    private static readonly MountPoint HiddenFolder = MountPoint.FromText("/.guest-agent");

    /// <summary>
    /// What belongs to the running system: nobody can unmount it. Where <c>/</c> is a read-only image or memory, the
    /// filesystem that carries the first of these is the root for what can be done about it.
    /// </summary>
    private static readonly MountPoint[] SystemFolders =
        [.. ((string[])["/", "/var", "/sysroot", "/usr", "/etc", "/nix"]).Select(MountPoint.FromText)];

    /// <summary>
    /// One mount for each local filesystem: of those that no other mount covers, and that are no container's, the
    /// writable one nearest its root folder, also over <c>/</c>. Where the root's own type is not probed, the root is
    /// there all the same, as <see cref="MountEntry.IsNotWatched"/>.
    /// </summary>
    public static IReadOnlyList<MountEntry> Choose(IReadOnlyList<MountEntry> table, MountChoice choice)
    {
        var tree = new MountTree(table);
        MountEntry? root = tree.At(MountPoint.Root) is { MountPoint.IsRoot: true } found
            && !choice.Excluded.Contains(MountPoint.Root)
                ? found
                : null;
        MountEntry? system = root is null ? null : SystemMount(root, tree, choice);
        var ofFolders = new HashSet<MountEntry>(
            choice.ProbeFolders.Select(tree.At).OfType<MountEntry>(), ReferenceEqualityComparer.Instance);
        List<MountEntry> chosen = [.. table
            .Select((mount, index) => (Mount: mount, Index: index))
            .Where(one => FilesystemTypes.IsProbed(one.Mount.FilesystemType) || ReferenceEquals(one.Mount, system))
            .Select(one => new Candidate(one.Mount, one.Index, ofFolders.Contains(one.Mount))
            {
                IsCovered = tree.IsCovered(one.Index),
                IsLocal = tree.IsReachedLocally(one.Index),
            })
            .GroupBy(one => KeyOf(one.Mount))
            .Select(group => ChooseOne([.. group], system, tree, choice))
            .OfType<MountEntry>()];
        bool isRootThere = root is null || chosen.Exists(mount => mount.ReportedAt.IsRoot);
        return isRootThere ? chosen : [root! with { IsNotWatched = true }, .. chosen];
    }

    /// <summary>The probe folders that lie on no filesystem that is probed: an administrator's mistake.</summary>
    public static IEnumerable<MountPoint> UselessFolders(MountChoice choice, IReadOnlyList<MountEntry> chosen)
        => choice.ProbeFolders.Where(folder => !chosen.Any(mount => mount.IsProbed
            && MountPaths.IsAtOrBelow(folder, mount.MountPoint)
            && mount.ProbeFolders.Contains(MountPaths.Behind(folder, mount.MountPoint))));

    /// <summary>The mounts that stand in the way of walking to those below them.</summary>
    public static IReadOnlyList<MountPoint> Obstacles(IReadOnlyList<MountEntry> table)
        => [.. table
            .Where(mount => !FilesystemTypes.IsWalkable(mount.FilesystemType))
            .Select(mount => mount.MountPoint)];

    /// <summary>Whether the path to a mount point leads through none of them.</summary>
    public static bool IsReachedLocally(MountPoint mountPoint, IReadOnlyList<MountPoint> obstacles)
        => !obstacles.Any(one => MountPaths.IsBelow(mountPoint, one));

    /// <summary>
    /// The mount of the filesystem that takes the writes of the root; null when none is known that can be probed.
    /// </summary>
    private static MountEntry? SystemMount(MountEntry root, MountTree tree, MountChoice choice)
    {
        if (FilesystemTypes.IsProbed(root.FilesystemType))
        {
            return root;
        }

        string? upper = root.FilesystemType == FilesystemTypes.Overlay ? UpperOf(root) : null;
        if (upper is not null && tree.At(MountPoint.FromText(upper)) is { } carrier
            && FilesystemTypes.IsProbed(carrier.FilesystemType))
        {
            return carrier;
        }

        bool isReplaceable = root.FilesystemType == FilesystemTypes.Overlay
            || FilesystemTypes.IsImage(root.FilesystemType) || FilesystemTypes.IsMemory(root.FilesystemType);
        MountEntry? first = !isReplaceable ? null : SystemFolders
            .Where(folder => !choice.Excluded.Contains(folder))
            .Select(folder => (Folder: folder, Mount: tree.At(folder)))
            .FirstOrDefault(one => one.Mount?.MountPoint == one.Folder
                && FilesystemTypes.IsProbed(one.Mount.FilesystemType))
            .Mount;
        return first ?? (upper is null ? null : root);
    }

    /// <summary>Where an overlay's writes go (fs/overlayfs/super.c); null when it takes none.</summary>
    private static string? UpperOf(MountEntry overlay)
    {
        const string key = "upperdir=";
        string? option = overlay.SuperOptions.FirstOrDefault(one => one.StartsWith(key, StringComparison.Ordinal));
        return option?[key.Length..] is ['/', ..] path ? path : null;
    }

    /// <summary>A filesystem is one by its device; the datasets of a ZFS pool live and die together.</summary>
    private static (DeviceNumber Device, string Pool) KeyOf(MountEntry mount)
        => mount.FilesystemType == FilesystemTypes.Zfs
            ? (default, mount.Source.Encoded.Split('/', '@')[0])
            : (mount.Device, string.Empty);

    private static MountEntry? ChooseOne(
        IReadOnlyList<Candidate> all, MountEntry? system, MountTree tree, MountChoice choice)
    {
        Candidate[] hosts = [.. all.Where(one =>
            one.CarriesProbeFolder || choice.Listed.Contains(one.Mount.MountPoint)
            || !ContainerPlaces.IsContainers(one.Mount))];
        Candidate[] watched = [.. hosts.Where(one => !choice.Excluded.Contains(one.Mount.MountPoint))];
        if (watched.Length == 0 || watched.Min(one => one.NameClass).CompareTo(hosts.Min(one => one.NameClass)) > 0)
        {
            // An administrator who left out the mount by which a filesystem is known left out the filesystem.
            return null;
        }

        MountEntry? known = choice.Before.FirstOrDefault(one => KeyOf(one) == KeyOf(all[0].Mount));
        Candidate named = Keep(
            watched, known?.ReportedMountId, one => one.NameRank, one => one.NameClass);
        Candidate probed = Keep(
            watched, known?.MountId, one => one.ProbeRank(choice), one => one.ProbeClass(choice));
        bool isRoot = all.Any(one => ReferenceEquals(one.Mount, system));
        MountEntry[] sameDevice = [.. all.Select(one => one.Mount).Where(one => one.Device == probed.Mount.Device)];
        return probed.Mount.Among(sameDevice) with
        {
            IsCovered = probed.IsCovered,
            ReportedAt = isRoot ? MountPoint.Root : named.Mount.MountPoint,
            ReportedMountId = named.Mount.MountId,
            ProbeFolders = FoldersIn(probed, tree, choice),
        };
    }

    /// <summary>
    /// The best one; the one from before where it is as good but for its distance and its age, so that mounts which come
    /// and go do not move the probe each time.
    /// </summary>
    private static Candidate Keep<TRank, TClass>(
        Candidate[] candidates, int? before, Func<Candidate, TRank> rank, Func<Candidate, TClass> classOf)
    {
        Candidate best = candidates.MinBy(rank)!;
        Candidate? kept = candidates.FirstOrDefault(one => one.Mount.MountId == before);
        return kept is not null && Equals(classOf(kept), classOf(best)) ? kept : best;
    }

    private static List<MountPoint> FoldersIn(Candidate probed, MountTree tree, MountChoice choice)
    {
        MountPoint top = probed.Mount.MountPoint;
        MountPoint[] own = [.. choice.ProbeFolders
            .Where(folder => ReferenceEquals(tree.At(folder), probed.Mount))
            .Select(folder => MountPaths.Behind(folder, top))];
        if (own.Length > 0)
        {
            return [.. own];
        }

        List<MountPoint> folders = [MountPoint.Root];
        if (ReferenceEquals(tree.At(PackageFolder), probed.Mount))
        {
            folders.Add(MountPaths.Behind(PackageFolder, top));
        }

        if (probed.Mount.Root.IsRoot)
        {
            folders.Add(HiddenFolder);
        }

        return folders;
    }

    /// <summary>A mount of a filesystem, with what speaks for it.</summary>
    private sealed record Candidate(MountEntry Mount, int Index, bool CarriesProbeFolder)
    {
        public required bool IsCovered { get; init; }

        public required bool IsLocal { get; init; }

        /// <summary>How far below the filesystem's root folder it begins; on ZFS, below the pool.</summary>
        public int Depth => Mount.FilesystemType == FilesystemTypes.Zfs
            ? Mount.Source.Encoded.Count(letter => letter == '/')
            : MountPaths.Depth(Mount.Root);

        public (bool, int, bool, bool, int) NameRank
            => (!Mount.MountPoint.IsRoot, Depth, IsCovered, Mount.IsMountReadOnly, Index);

        public (bool, bool) NameClass => (!Mount.MountPoint.IsRoot, Depth != 0);

        public (bool, bool, bool, bool, int, int, int) ProbeRank(MountChoice choice)
            => (IsCovered, !CarriesProbeFolder, IsUnwritable(choice), !IsLocal, Depth, SystemRank, Index);

        public (bool, bool, bool, bool, bool) ProbeClass(MountChoice choice)
            => (IsCovered, CarriesProbeFolder, IsUnwritable(choice), IsLocal, Depth == 0);

        /// <summary>Of mounts that are equally near, those of the running system come first: they stay.</summary>
        private int SystemRank => Array.IndexOf(SystemFolders, Mount.MountPoint) is >= 0 and var place
            ? place
            : SystemFolders.Length;

        /// <summary>Where the whole filesystem is read-only no mount of it is better than another.</summary>
        private bool IsUnwritable(MountChoice choice)
            => (Mount.IsMountReadOnly && !Mount.IsSuperReadOnly)
                || choice.Unwritable.Contains(Mount.MountId)
                || MountTree.IsDeleted(Mount);
    }
}
