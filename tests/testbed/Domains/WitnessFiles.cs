using System.Security.Cryptography;
using Testbed.Linux;

namespace Testbed.Domains;

/// <summary>Files of known content, durable before a fault: what a recovery must bring back byte for byte.</summary>
public sealed class WitnessFiles
{
    private const int FileCount = 32;
    private const int FileSizeBytes = 16 * 1024;
    private const string FolderName = "evidence";

    private readonly Dictionary<string, byte[]> _hashes;

    private WitnessFiles(Dictionary<string, byte[]> hashes) => _hashes = hashes;

    /// <summary>How many files there are.</summary>
    public int Count => _hashes.Count;

    /// <summary>Writes the files into a filesystem and makes them, and their folders, durable.</summary>
    /// <param name="mountPoint">Where the filesystem is, as this process sees it.</param>
    public static WitnessFiles Write(string mountPoint)
    {
        string folder = Path.Combine(mountPoint, FolderName);
        Directory.CreateDirectory(folder);
        var hashes = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        for (int number = 0; number < FileCount; number++)
        {
            string name = $"{number}.bin";
            byte[] content = RandomNumberGenerator.GetBytes(FileSizeBytes);
            File.WriteAllBytes(Path.Combine(folder, name), content);
            LinuxCalls.Synchronise(Path.Combine(folder, name));
            hashes.Add(name, SHA256.HashData(content));
        }

        LinuxCalls.Synchronise(folder);
        LinuxCalls.Synchronise(mountPoint);
        return new WitnessFiles(hashes);
    }

    /// <summary>The files that are gone or have another content; none when every byte is there.</summary>
    /// <param name="mountPoint">Where the filesystem is, as this process sees it.</param>
    public IReadOnlyList<string> Missing(string mountPoint)
        => [.. _hashes
            .Where(file => !IsIntact(Path.Combine(mountPoint, FolderName, file.Key), file.Value))
            .Select(file => file.Key)];

    private static bool IsIntact(string file, byte[] hash)
    {
        try
        {
            return SHA256.HashData(File.ReadAllBytes(file)).AsSpan().SequenceEqual(hash);
        }
        catch (IOException)
        {
            return false;
        }
    }
}
