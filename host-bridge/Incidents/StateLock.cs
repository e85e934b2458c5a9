using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace HostBridge.Incidents;

/// <summary>What came of a claim on a state directory.</summary>
/// <param name="Lock">The claim; null when it could not be had.</param>
/// <param name="Refusal">
/// Which other process has the directory and what to do, for a person; null when no other has it.
/// </param>
internal readonly record struct StateClaim(StateLock? Lock, string? Refusal);

/// <summary>
/// The claim of one process on a state directory: two bridges on one directory would each act without knowing of the
/// other's intents. The kernel keeps it as long as this is not disposed of, and ends it with the process.
/// </summary>
internal sealed class StateLock : IDisposable
{
    private const int MaxOwnerLength = 10;

    private readonly SafeFileHandle _file;

    private StateLock(SafeFileHandle file) => _file = file;

    /// <summary>
    /// Takes the lock, unless another process has it. A directory that cannot be used at all is thrown as
    /// <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/>.
    /// </summary>
    public static StateClaim TryTake(string stateDirectory)
    {
        Directory.CreateDirectory(stateDirectory);
        string path = Path.Combine(stateDirectory, "lock");
        SafeFileHandle file = StateFiles.OpenOrCreate(path);
        try
        {
            if (!StateFiles.TryLock(file, path))
            {
                string refusal = $"{stateDirectory} is in use by another host-bridge{ReadOwner(file)}; "
                    + "stop that one, or give this one a state-directory of its own.";
                file.Dispose();
                return new StateClaim(Lock: null, refusal);
            }

            string owner = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
            RandomAccess.SetLength(file, 0);
            RandomAccess.Write(file, Encoding.ASCII.GetBytes(owner), fileOffset: 0);
            return new StateClaim(new StateLock(file), Refusal: null);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_file.IsClosed)
        {
            StateFiles.Unlock(_file);
        }

        _file.Dispose();
    }

    private static string ReadOwner(SafeFileHandle file)
    {
        Span<byte> bytes = stackalloc byte[MaxOwnerLength];
        int length = RandomAccess.Read(file, bytes, fileOffset: 0);
        return int.TryParse(bytes[..length], NumberStyles.None, CultureInfo.InvariantCulture, out int owner)
            ? $" (process {owner})"
            : string.Empty;
    }
}
