using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Signals.Parsing;
using Mono.Unix.Native;
using Protocol.Health;

namespace GuestAgent.Signals;

/// <summary>
/// The mount table, held open: poll(2) signals POLLERR|POLLPRI when it changes (mounts, unmounts and remounts; an
/// aborted journal changes nothing here). Proves what the kernel claims: of the mount in field 6, of the filesystem
/// in the last. It lies after an abort, on many kernels with a plain <c>rw</c>; and before 5.8 in a long table, where a
/// mount that goes between two read(2) hides the one behind it (fs/proc_namespace.c counted lines). So what is missing
/// for the first time is looked for again.
/// </summary>
internal sealed unsafe class MountTable : IDisposable
{
    private const int FirstBufferBytes = 16 * 1024;
    private const int MaxBufferBytes = 16 * 1024 * 1024;

    private readonly PathRoot _paths;
    private readonly MountWishes _wishes;
    private readonly HashSet<int> _unwritable = [];
    private MountChoice _choice;
    private HashSet<DeviceNumber> _watched = [];
    private byte[] _buffer = new byte[FirstBufferBytes];
    private BootCheckFacts _bootChecks = new();

    public MountTable(PathRoot paths, MountChoice choice)
    {
        _paths = paths;
        _choice = choice;
        _wishes = new MountWishes(paths);
        FileDescriptor = SmallFile.OpenForReading(paths.Proc("self/mountinfo"));
        if (FileDescriptor < 0)
        {
            throw new IOException(
                $"{paths.Proc("self/mountinfo")} cannot be opened ({LastErrno.Name}); is /proc mounted?");
        }
    }

    /// <summary>
    /// The type of the filesystem that <c>/</c> is, the last that was mounted there; null where the table does not say.
    /// </summary>
    public static string? TypeOfRoot(PathRoot paths)
        => MountInfoParser.Parse(File.ReadAllBytes(paths.Proc("self/mountinfo")))
            .LastOrDefault(mount => mount.MountPoint.IsRoot)?.FilesystemType;

    /// <summary>To poll for POLLPRI.</summary>
    public int FileDescriptor { get; }

    /// <summary>
    /// Reads the filesystems to watch. <paramref name="mayReadFstab"/>: fstab lies on the root, so it is read only
    /// while that is known to work. Null when the table cannot be read to its end now: half a table would say that
    /// filesystems are gone.
    /// </summary>
    public IReadOnlyList<ObservedMount>? TryRead(bool mayReadFstab)
    {
        if (mayReadFstab)
        {
            _wishes.Read();
            _bootChecks = BootCheckReader.Read(_paths);
        }

        List<MountEntry>? table = ReadAll();
        if (table is not null && !_watched.IsSubsetOf(table.Select(mount => mount.Device)))
        {
            table = ReadAll();
        }

        if (table is null)
        {
            return null;
        }

        IReadOnlyList<MountPoint> obstacles = LocalFilesystems.Obstacles(table);
        _unwritable.IntersectWith(table.Select(mount => mount.MountId));
        IReadOnlyList<MountEntry> chosen = LocalFilesystems.Choose(
            table, _choice with { Listed = _wishes.Listed, Unwritable = _unwritable });
        _choice = _choice with { Before = chosen };
        UselessFolders = [.. LocalFilesystems.UselessFolders(_choice, chosen)];
        _watched = [.. chosen.Select(mount => mount.Device)];
        IReadOnlyList<MountPoint> layers = OverlayLayers.OfRoot(table);
        return [.. chosen.Select(mount => Observe(mount, obstacles, layers))];
    }

    /// <summary>The probe folders that lay on no filesystem that is probed, at the last reading.</summary>
    public IReadOnlyList<MountPoint> UselessFolders { get; private set; } = [];

    /// <summary>From the next reading on the administrator's choice is this.</summary>
    public void Choose(IReadOnlySet<MountPoint> excluded, IReadOnlyList<MountPoint> probeFolders)
        => _choice = _choice with { Excluded = excluded, ProbeFolders = probeFolders };

    /// <summary>From the next reading on the administrator says that these mount points are read-only by design.</summary>
    public void TakeReadOnly(IEnumerable<MountPoint> mountPoints) => _wishes.TakeKey(mountPoints);

    /// <summary>
    /// A probe of this mount was refused, or met a read-only subvolume: from the next reading on another mount of the
    /// same filesystem comes before it, where there is one.
    /// </summary>
    public void MarkUnwritable(int mountId) => _unwritable.Add(mountId);

    public void Dispose() => _ = Syscall.close(FileDescriptor);

    private ObservedMount Observe(
        MountEntry mount, IReadOnlyList<MountPoint> obstacles, IReadOnlyList<MountPoint> layers)
    {
        string device = BlockDevices.NameOf(_paths, mount);
        bool isExtended = FilesystemTypes.IsExtended(mount.FilesystemType);
        IReadOnlyList<string> queues = BlockDevices.QueuesOf(_paths, mount, device);
        bool isLower = OverlayLayers.Holds(mount.MountPoint, layers);
        (BootCheck bootCheck, BootCheckReason? whyNot) = BootCheckRules.Of(_bootChecks, mount.MountPoint, mount.FilesystemType);
        return new ObservedMount(
            mount, device, BlockDevices.AliasesOf(_paths, queues), _wishes.Of(mount.MountPoint, isLower))
        {
            IsOverlayLower = isLower,
            DiskSequence = BlockDevices.SequenceOf(_paths, device),
            Queues = queues,
            Origins = DiskOrigins.Of(_paths, queues),
            BootCheck = bootCheck,
            BootCheckWhy = whyNot,
            IsQueueKnown = DeviceQueue.Read(_paths, queues) is not null,
            IsReachedLocally = LocalFilesystems.IsReachedLocally(mount.MountPoint, obstacles),
            HasJournal = !isExtended || ExtendedFilesystem.HasJournal(_paths, device, mount.FilesystemType),
            PanicsOnErrors = isExtended && ExtendedFilesystem.PanicsOnErrors(_paths, device),
        };
    }

    private List<MountEntry>? ReadAll()
    {
        while (true)
        {
            int size = ReadOnce();
            if (size < 0)
            {
                return null;
            }

            if (size < _buffer.Length)
            {
                return MountInfoParser.Parse(_buffer.AsSpan(0, size));
            }

            if (_buffer.Length >= MaxBufferBytes)
            {
                // The oldest mounts come first: what a user mounts a thousandfold (FUSE) hides none of the system's.
                int whole = _buffer.AsSpan().LastIndexOf((byte)'\n') + 1;
                return MountInfoParser.Parse(_buffer.AsSpan(0, whole));
            }

            _buffer = new byte[_buffer.Length * 4];
        }
    }

    /// <summary>The size of the table, as far as the buffer goes; −1 when it cannot be read.</summary>
    private int ReadOnce()
    {
        if (Syscall.lseek(FileDescriptor, 0, SeekFlags.SEEK_SET) != 0)
        {
            return -1;
        }

        int total = 0;
        fixed (byte* start = _buffer)
        {
            while (total < _buffer.Length)
            {
                long read = Syscall.read(FileDescriptor, start + total, (ulong)(_buffer.Length - total));
                if (read < 0 && LastErrno.Name != "EINTR")
                {
                    return -1;
                }

                if (read == 0)
                {
                    break;
                }

                total += (int)Math.Max(read, 0);
            }
        }

        return total;
    }
}
