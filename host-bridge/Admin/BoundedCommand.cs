using System.ComponentModel;
using System.Diagnostics;

namespace HostBridge.Admin;

/// <summary>What came of a command.</summary>
/// <param name="Output">What it wrote on its standard output, then on its standard error; perhaps cut.</param>
/// <param name="Problem">Why it is not whole, or why there is none; null when the command ended by itself with 0.</param>
internal readonly record struct CommandOutput(byte[] Output, string? Problem);

/// <summary>
/// Runs a program of this host with a limit of time and of output. At the limit it and its children are killed; one
/// that cannot be killed, as it waits for a dead disk, is left behind and not waited for.
/// </summary>
internal static class BoundedCommand
{
    private const int ChunkBytes = 64 * 1024;

    private static readonly string[] FixedFolders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

    /// <summary>Where a program is, by PATH and then by the usual folders; null when it is not installed.</summary>
    public static string? Find(string name)
        => (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Concat(FixedFolders)
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);

    /// <summary>Runs a command. Nothing of it throws but a program error.</summary>
    public static async Task<CommandOutput> RunAsync(
        string program, IReadOnlyList<string> arguments, TimeSpan limit, int maxBytes)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var collected = new MemoryStream();
        using var timer = new CancellationTokenSource(limit);
        try
        {
            using Process process = Process.Start(start) ?? throw new IOException("it did not start");
            try
            {
                process.StandardInput.Close();
                bool[] areWhole = await Task.WhenAll(
                    CollectAsync(process.StandardOutput.BaseStream, collected, maxBytes, timer),
                    CollectAsync(process.StandardError.BaseStream, collected, maxBytes, timer))
                    .ConfigureAwait(false);
                if (!areWhole.All(isWhole => isWhole))
                {
                    string problem = collected.Length < maxBytes
                        ? $"it did not end within {limit.TotalSeconds:0.#} s and was killed"
                        : $"it wrote more than {maxBytes} bytes and was killed";
                    return new CommandOutput(Take(collected), problem);
                }

                await process.WaitForExitAsync(timer.Token).ConfigureAwait(false);
                return new CommandOutput(
                    Take(collected), process.ExitCode == 0 ? null : $"it ended with exit code {process.ExitCode}");
            }
            finally
            {
                Kill(process);
            }
        }
        catch (OperationCanceledException)
        {
            return new CommandOutput(Take(collected), $"it did not end within {limit.TotalSeconds:0.#} s and was killed");
        }
        catch (Exception failure) when (failure is IOException or Win32Exception or InvalidOperationException)
        {
            return new CommandOutput(Take(collected), $"it cannot be run: {failure.Message}");
        }
    }

    /// <summary>Reads to the end; false when time or room ended before, for this stream or for the other.</summary>
    private static async Task<bool> CollectAsync(
        Stream source, MemoryStream collected, int maxBytes, CancellationTokenSource timer)
    {
        byte[] chunk = new byte[ChunkBytes];
        try
        {
            while (true)
            {
                // Not waited for longer than the limit, even when the read itself cannot be called off.
                int size = await source.ReadAsync(chunk, timer.Token).AsTask().WaitAsync(timer.Token)
                    .ConfigureAwait(false);
                if (size == 0)
                {
                    return true;
                }

                if (!TryAdd(collected, chunk.AsSpan(0, size), maxBytes))
                {
                    await timer.CancelAsync().ConfigureAwait(false);
                    return false;
                }
            }
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Adds as much as there is room for; false when that is not all.</summary>
    private static bool TryAdd(MemoryStream collected, ReadOnlySpan<byte> bytes, int maxBytes)
    {
        lock (collected)
        {
            int room = (int)(maxBytes - collected.Length);
            collected.Write(bytes[..Math.Min(room, bytes.Length)]);
            return bytes.Length <= room;
        }
    }

    private static byte[] Take(MemoryStream collected)
    {
        lock (collected)
        {
            return collected.ToArray();
        }
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception failure) when (failure is InvalidOperationException or Win32Exception or AggregateException)
        {
            // It ended already, or some child of it cannot be ended: neither is waited for.
        }
    }
}
