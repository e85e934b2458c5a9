using System.ComponentModel;
using System.Diagnostics;

namespace HostBridge.Storage;

/// <summary>
/// Wakes when iscsid writes into the journal: that a session is back is said by iscsid alone, the kernel is silent
/// about it. Where there is no journal the poll finds it a second later.
/// </summary>
/// <param name="program">journalctl; null where there is no journal.</param>
/// <param name="time">For waits.</param>
/// <param name="wake">Set at every line.</param>
internal sealed class IscsidJournal(string? program, TimeProvider time, WakeUp wake)
{
    private const int BufferBytes = 4096;

    private static readonly TimeSpan MinBackOff = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan MaxBackOff = TimeSpan.FromMinutes(5);

    private static readonly string[] Places = ["/usr/bin/journalctl", "/bin/journalctl"];

    /// <summary>journalctl's place; null where no journal is kept.</summary>
    public static string? Find()
        => Directory.Exists("/run/systemd/journal")
            ? Places.FirstOrDefault(File.Exists)
            : null;

    /// <summary>Follows until asked to stop; a journalctl that ends is started again, more and more seldom.</summary>
    public async Task FollowAsync(CancellationToken cancellationToken)
    {
        TimeSpan backOff = MinBackOff;
        while (program is not null && !cancellationToken.IsCancellationRequested)
        {
            bool heard = await FollowOnceAsync(program, cancellationToken).ConfigureAwait(false);
            backOff = heard ? MinBackOff : TimeSpan.FromTicks(Math.Min(2 * backOff.Ticks, MaxBackOff.Ticks));
            await Task.Delay(backOff, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<bool> FollowOnceAsync(string path, CancellationToken cancellationToken)
    {
        bool heard = false;
        var start = new ProcessStartInfo(path) { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (string argument in new[] { "--follow", "--lines=0", "--output=cat", "--quiet", "--identifier=iscsid" })
        {
            start.ArgumentList.Add(argument);
        }

        try
        {
            using Process process = Process.Start(start) ?? throw new IOException($"{path} did not start");
            try
            {
                byte[] buffer = new byte[BufferBytes];
                while (await process.StandardOutput.BaseStream.ReadAsync(buffer, cancellationToken)
                    .ConfigureAwait(false) > 0)
                {
                    heard = true;
                    wake.Set();
                }
            }
            finally
            {
                process.Kill();
            }
        }
        catch (Exception failure) when (failure
            is OperationCanceledException or IOException or Win32Exception or InvalidOperationException)
        {
            // Started again later; the poll does without.
        }

        return heard;
    }
}
