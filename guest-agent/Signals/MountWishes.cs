using System.Text;
using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Signals.Parsing;
using Protocol.Health;

namespace GuestAgent.Signals;

/// <summary>
/// How filesystems are to be mounted: by guest-agent.conf, fstab, systemd's mount units and the kernel command line, the
/// first that speaks of a mount point. fstab and most units lie on the root, so they are read only while that is known
/// to work; what systemd's generators wrote lies on a tmpfs.
/// </summary>
internal sealed class MountWishes(PathRoot paths)
{
    private const int MaxFstabBytes = 1024 * 1024;
    private const int MaxUnitBytes = 64 * 1024;
    private const int MaxUnits = 2000;

    private HashSet<MountPoint> _readOnlyByKey = [];
    private Dictionary<MountPoint, MountWish> _fstab = [];
    private Dictionary<MountPoint, MountWish> _units = [];
    private bool _isRootReadOnly;
    private bool _hasOverlayRoot;

    /// <summary>Where units lie; of several with one name the first wins (systemd.unit(5)).</summary>
    private static readonly string[] UnitFolders =
    [
        "run/systemd/generator.early", "etc/systemd/system", "run/systemd/system", "run/systemd/generator",
        "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system", "run/systemd/generator.late",
    ];

    /// <summary>The mount points that fstab lists.</summary>
    public IReadOnlySet<MountPoint> Listed { get; private set; } = new HashSet<MountPoint>();

    /// <summary>The mount points that the key <c>read-only</c> names.</summary>
    public void TakeKey(IEnumerable<MountPoint> readOnly) => _readOnlyByKey = [.. readOnly];

    /// <summary>Reads the files. What cannot be read keeps what was read before.</summary>
    public void Read()
    {
        if (SmallFile.TryReadBytes(paths.Etc("fstab"), MaxFstabBytes) is { } fstab)
        {
            _fstab = [];
            foreach (FstabEntry entry in FstabParser.Parse(fstab))
            {
                _fstab[entry.MountPoint] = new MountWish(WishSource.Fstab, entry.IsReadOnly);
            }

            Listed = _fstab.Keys.ToHashSet();
        }

        _units = ReadUnits();
        if (SmallFile.TryReadText(paths.Proc("cmdline")) is { } commandLine)
        {
            _isRootReadOnly = KernelCommandLine.IsRootReadOnly(commandLine);
            _hasOverlayRoot = KernelCommandLine.HasOverlayRoot(commandLine);
        }
    }

    /// <summary>What is written down of a mount point.</summary>
    /// <param name="mountPoint">The mount point.</param>
    /// <param name="isOverlayLower">Whether it is a lower layer of the overlay at /.</param>
    public MountWish Of(MountPoint mountPoint, bool isOverlayLower)
    {
        if (_readOnlyByKey.Contains(mountPoint))
        {
            return new MountWish(WishSource.Key, IsReadOnly: true);
        }

        if (_fstab.TryGetValue(mountPoint, out MountWish fstab))
        {
            return fstab;
        }

        if (_units.TryGetValue(mountPoint, out MountWish unit))
        {
            return unit;
        }

        return (mountPoint.IsRoot && _isRootReadOnly) || (isOverlayLower && _hasOverlayRoot)
            ? new MountWish(WishSource.CommandLine, IsReadOnly: true)
            : MountWish.None;
    }

    private Dictionary<MountPoint, MountWish> ReadUnits()
    {
        var units = new Dictionary<string, MountUnit>(StringComparer.Ordinal);
        var dropIns = new Dictionary<string, SortedDictionary<string, MountUnit>>(StringComparer.Ordinal);
        foreach (string folder in UnitFolders)
        {
            foreach (string entry in Entries(paths.At(folder)))
            {
                string name = Path.GetFileName(entry);
                if (name.EndsWith(".mount", StringComparison.Ordinal) && !units.ContainsKey(name) && units.Count < MaxUnits)
                {
                    units[name] = ParseUnit(entry);
                }
                else if (name.EndsWith(".mount.d", StringComparison.Ordinal))
                {
                    AddDropIns(entry, dropIns, name[..^".d".Length]);
                }
            }
        }

        var wishes = new Dictionary<MountPoint, MountWish>();
        foreach ((string name, MountUnit unit) in units)
        {
            MountUnit whole = dropIns.GetValueOrDefault(name)?.Values.Aggregate(unit, (sum, next) => sum.With(next)) ?? unit;
            if (whole.Where is { } where)
            {
                wishes[where] = new MountWish(WishSource.SystemdUnit, whole.IsReadOnly);
            }
        }

        return wishes;
    }

    /// <summary>Of several drop-ins of one name the first folder's wins; they apply in the order of their names.</summary>
    private static void AddDropIns(
        string folder, Dictionary<string, SortedDictionary<string, MountUnit>> dropIns, string unit)
    {
        if (!dropIns.TryGetValue(unit, out SortedDictionary<string, MountUnit>? files))
        {
            dropIns[unit] = files = new SortedDictionary<string, MountUnit>(StringComparer.Ordinal);
        }

        foreach (string file in Entries(folder).Where(file => file.EndsWith(".conf", StringComparison.Ordinal)))
        {
            if (files.Count < MaxUnits)
            {
                _ = files.TryAdd(Path.GetFileName(file), ParseUnit(file));
            }
        }
    }

    /// <summary>An empty one where it cannot be read; a masked unit is a link to /dev/null, and says nothing.</summary>
    private static MountUnit ParseUnit(string file)
        => MountUnitParser.Parse(Encoding.Latin1.GetString(SmallFile.TryReadBytes(file, MaxUnitBytes) ?? []));

    private static string[] Entries(string folder)
    {
        try
        {
            return Directory.Exists(folder) ? Directory.GetFileSystemEntries(folder) : [];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
