using System.Text;

namespace HostBridge.Incidents;

/// <summary>
/// The folder <c>holds</c>: a file for each guest for which something stands, whose text says why. A person who removes
/// it acknowledges. What the file system refuses is thrown as <see cref="IOException"/> or
/// <see cref="UnauthorizedAccessException"/>.
/// </summary>
/// <param name="folder">The folder.</param>
internal sealed class HoldFiles(string folder)
{
    private readonly HashSet<Guid> _held = [];

    /// <summary>Makes the folder where there is none, and reads which guests are held.</summary>
    public IReadOnlyCollection<Guid> Open()
    {
        Directory.CreateDirectory(folder);
        StateFiles.SyncDirectory(Path.GetDirectoryName(folder)!);
        _held.Clear();
        _held.UnionWith(Read());
        return [.. _held];
    }

    /// <summary>The file of a guest.</summary>
    public string PathOf(Guid guest) => Path.Combine(folder, StateFormat.ToText(guest));

    /// <summary>Why a guest is held; null when it is not.</summary>
    public string? TextOf(Guid guest)
    {
        string path = PathOf(guest);
        return File.Exists(path)
            ? File.ReadLines(path).FirstOrDefault() ?? $"it is held; check it, then remove {path}"
            : null;
    }

    /// <summary>Holds a guest; survives a power cut when this returns.</summary>
    public void Write(Guid guest, string text)
    {
        // A person may have removed the whole folder.
        Directory.CreateDirectory(folder);
        using (var hold = new FileStream(
            PathOf(guest), FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0))
        {
            hold.Write(Encoding.UTF8.GetBytes($"{text}\n"));
            hold.Flush(flushToDisk: true);
        }

        StateFiles.SyncDirectory(folder);
        _held.Add(guest);
    }

    /// <summary>Ends the hold of a guest that is proved to be well, acknowledged or ordered to be recovered.</summary>
    public void Remove(Guid guest)
    {
        if (_held.Contains(guest))
        {
            File.Delete(PathOf(guest));
            StateFiles.SyncDirectory(folder);
            _held.Remove(guest);
        }
    }

    /// <summary>The guests whose files a person removed.</summary>
    public IReadOnlyList<Guid> FindRemoved() => [.. _held.Except(Read())];

    /// <summary>Knows from now on that a guest is held no more.</summary>
    public void Forget(Guid guest) => _held.Remove(guest);

    private HashSet<Guid> Read()
        => Directory.EnumerateFiles(folder)
            .Select(path => Guid.TryParseExact(Path.GetFileName(path), "D", out Guid uuid) ? uuid : Guid.Empty)
            .Where(uuid => uuid != Guid.Empty)
            .ToHashSet();
}
