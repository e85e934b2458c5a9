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
                await Task.WhenAll(
                    CollectAsync(process.StandardOutput.BaseStream, collected, maxBytes, timer.Token),
                    CollectAsync(process.StandardError.BaseStream, collected, maxBytes, timer.Token))
                    .ConfigureAwait(false);
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
        catch (OutputTooLongException)
        {
            return new CommandOutput(Take(collected), $"it wrote more than {maxBytes} bytes and was killed");
        }
        catch (Exception failure) when (failure is IOException or Win32Exception or InvalidOperationException)
        {
            return new CommandOutput(Take(collected), $"it cannot be run: {failure.Message}");
        }
    }

    private static async Task CollectAsync(
        Stream source, MemoryStream collected, int maxBytes, CancellationToken cancellationToken)
    {
        byte[] chunk = new byte[ChunkBytes];
        while (true)
        {
            // Not waited for longer than the limit, even when the read itself cannot be called off.
            int size = await source.ReadAsync(chunk, cancellationToken).AsTask().WaitAsync(cancellationToken)
                .ConfigureAwait(false);
            if (size == 0)
            {
                return;
            }

            lock (collected)
            {
                int room = (int)(maxBytes - collected.Length);
                collected.Write(chunk, 0, Math.Min(room, size));
                if (size > room)
                {
                    throw new OutputTooLongException();
                }
            }
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

    private sealed class OutputTooLongException : Exception;
}
