using Protocol.Health;

namespace GuestAgent.Detection;

/// <summary>
/// The mounts of a table as the tree that their ids and parents' ids make of them: which of them a path leads to. The
/// kernel walks a path as __follow_mount (fs/namei.c) does: whatever is mounted on a folder covers what lies below it.
/// </summary>
internal sealed class MountTree
{
    private const string DeletedSuffix = "//deleted"; // dentry_path, fs/d_path.c

    private readonly IReadOnlyList<MountEntry> _table;
    private readonly Dictionary<int, int> _indexById = [];
    private readonly Dictionary<(int ParentId, string MountPoint), int> _lastOn = [];
    private readonly (bool IsLost, bool IsLocal)?[] _ways;
    private readonly Dictionary<string, int> _reachableAt = [];

    /// <summary>Reads the table once; the questions need no other walk over it.</summary>
    public MountTree(IReadOnlyList<MountEntry> table)
    {
        _table = table;
        _ways = new (bool, bool)?[table.Count];
        for (int index = 0; index < table.Count; index++)
        {
            _indexById[table[index].MountId] = index;
            if (table[index].ParentId != table[index].MountId)
            {
                _lastOn[(table[index].ParentId, table[index].MountPoint.Encoded)] = index;
            }
        }

        for (int index = 0; index < table.Count; index++)
        {
            if (!IsCovered(index))
            {
                _reachableAt[table[index].MountPoint.Encoded] = index;
            }
        }
    }

    /// <summary>Whether the path of the mount at this place of the table leads elsewhere.</summary>
    public bool IsCovered(int index) => WayTo(index).IsLost || HasOneOnTop(index);

    /// <summary>Whether the path leads through nothing that may hang by itself (network, FUSE, autofs).</summary>
    public bool IsReachedLocally(int index) => WayTo(index).IsLocal;

    /// <summary>
    /// Whether the folder that it is mounted on can still be walked to, and locally. The chain of parents is followed
    /// without recursion: a table may be thousands of mounts deep.
    /// </summary>
    private (bool IsLost, bool IsLocal) WayTo(int index)
    {
        var chain = new Stack<int>();
        int? next = index;
        while (next is { } at && _ways[at] is null)
        {
            _ways[at] = (false, true); // a table that is wrong may lead in a circle
            chain.Push(at);
            next = ParentOf(at);
        }

        while (chain.TryPop(out int at))
        {
            _ways[at] = ParentOf(at) is { } parent ? WayBy(at, parent) : (false, true);
        }

        return _ways[index]!.Value;
    }

    /// <summary>The way to a mount, where the one to its parent is known.</summary>
    private (bool IsLost, bool IsLocal) WayBy(int index, int parent)
    {
        (MountEntry mount, MountEntry below) = (_table[index], _table[parent]);
        (bool isLost, bool isLocal) = _ways[parent]!.Value;
        isLost = isLost || _lastOn[(mount.ParentId, mount.MountPoint.Encoded)] != index;
        return mount.MountPoint == below.MountPoint
            ? (isLost, isLocal) // on top of its parent, which nobody walks into
            : (isLost || HasOneOnTop(parent) || IsCoveredOnTheWay(mount, below),
                isLocal && FilesystemTypes.IsWalkable(below.FilesystemType));
    }

    /// <summary>The mount that carries a path; null when the table has none.</summary>
    public MountEntry? At(MountPoint path)
    {
        for (string? folder = path.Encoded; folder is not null; folder = ParentFolder(folder))
        {
            if (_reachableAt.TryGetValue(folder, out int index))
            {
                return _table[index];
            }
        }

        return null;
    }

    /// <summary>Whether the mounted folder was deleted: nothing can be created in it.</summary>
    public static bool IsDeleted(MountEntry mount)
        => mount.Root.Encoded.EndsWith(DeletedSuffix, StringComparison.Ordinal);

    private int? ParentOf(int index)
        => _table[index].ParentId != _table[index].MountId
            && _indexById.TryGetValue(_table[index].ParentId, out int parent)
                ? parent
                : null;

    /// <summary>Whether something is mounted on its root folder.</summary>
    private bool HasOneOnTop(int index)
        => _lastOn.TryGetValue((_table[index].MountId, _table[index].MountPoint.Encoded), out int top) && top != index;

    /// <summary>Whether something is mounted between the mount point of its parent and its own.</summary>
    private bool IsCoveredOnTheWay(MountEntry mount, MountEntry parent)
    {
        string stop = parent.MountPoint.Encoded;
        for (string? folder = ParentFolder(mount.MountPoint.Encoded);
            folder is not null && folder.Length > stop.Length;
            folder = ParentFolder(folder))
        {
            if (_lastOn.ContainsKey((mount.ParentId, folder)))
            {
                return true;
            }
        }

        return false;
    }

    private static string? ParentFolder(string folder)
        => folder == "/" ? null
            : folder.LastIndexOf('/') is > 0 and var slash ? folder[..slash]
            : "/";
}
