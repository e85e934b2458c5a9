using System.Runtime.InteropServices;
using System.Text;
using HostBridge.Storage;
using Microsoft.Win32.SafeHandles;

namespace HostBridge.Doctor.Reading;

/// <summary>A host's files under a root, normally <c>/</c>, read with a bound and without a complaint.</summary>
/// <param name="root">The root.</param>
internal sealed class HostTree(string root)
{
    private const int MaxTextBytes = 1024 * 1024;
    private const int ChunkBytes = 16 * 1024;

    private readonly string _root = root.TrimEnd('/');
    private readonly List<string> _refused = [];

    /// <summary>/sys and /proc.</summary>
    public HostFiles Files { get; } = new(root);

    /// <summary>The files and folders that are there and could not be read.</summary>
    public IReadOnlyList<string> Refused => _refused;

    /// <summary>Whether a file or folder is there.</summary>
    public bool Exists(string path) => Path.Exists(_root + path);

    /// <summary>A text of up to 1 MiB; null when it is not there, is a folder, or cannot be read.</summary>
    public string? TryReadText(string path)
    {
        // A pipe that lies there must not make the doctor wait for a writer.
        int file = Libc.Open(
            _root + path, Libc.OpenReadOnly | Libc.OpenCloseOnExec | Libc.OpenNonBlocking, mode: 0);
        if (file < 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            if (errno != Libc.NoEntry)
            {
                _refused.Add($"{path} cannot be read: {Marshal.GetPInvokeErrorMessage(errno)}");
            }

            return null;
        }

        // A crontab names folders too.
        if (Directory.Exists(_root + path))
        {
            _ = Libc.Close(file);
            return null;
        }

        using var handle = new SafeFileHandle(file, ownsHandle: true);
        try
        {
            using var stream = new FileStream(handle, FileAccess.Read, bufferSize: 0);
            var text = new MemoryStream();
            byte[] chunk = new byte[ChunkBytes];
            while (text.Length < MaxTextBytes && stream.Read(chunk) is var size && size > 0)
            {
                text.Write(chunk, 0, size);
            }

            return Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            _refused.Add($"{path} cannot be read: {failure.Message}");
            return null;
        }
    }

    /// <summary>The names in a folder, in their order; none when it is not there or cannot be listed.</summary>
    public IReadOnlyList<string> Names(string folder)
    {
        try
        {
            return Directory.Exists(_root + folder)
                ?
                [
                    .. Directory.EnumerateFileSystemEntries(_root + folder).Select(path => Path.GetFileName(path)!)
                        .Order(StringComparer.Ordinal),
                ]
                : [];
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            _refused.Add($"{folder} cannot be listed: {failure.Message}");
            return [];
        }
    }

    /// <summary>The plain files of a folder and of the folders in it, as paths.</summary>
    public IEnumerable<string> FilesBelow(string folder, int depth)
    {
        foreach (string name in Names(folder))
        {
            string path = $"{folder}/{name}";
            if (!Directory.Exists(_root + path))
            {
                yield return path;
            }
            else if (depth > 0)
            {
                foreach (string below in FilesBelow(path, depth - 1))
                {
                    yield return below;
                }
            }
        }
    }

    /// <summary>Where a link in /dev leads, by name alone: the last part of its target, or of the path itself.</summary>
    public string LinkName(string path)
    {
        string name = path;
        if (HostFiles.TryReadLink(_root + path) is { } target)
        {
            name = target;
        }

        return name[(name.LastIndexOf('/') + 1)..];
    }
}
