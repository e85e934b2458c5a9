using System.ComponentModel;
using System.Diagnostics;
using HostBridge.Storage.Judging;
using HostBridge.Storage.Parsing;

namespace HostBridge.Storage;

/// <summary>
/// Asks multipathd for its view of the paths, in a child process that is ended at its limit. It is never waited for,
/// and an answer that is missing or old takes nothing from what sysfs shows.
/// </summary>
/// <param name="program">The program; null where there is none.</param>
/// <param name="time">For limits.</param>
/// <param name="wake">Set when there is a new answer.</param>
internal sealed class Multipathd(string? program, TimeProvider time, WakeUp wake)
{
    private const int MaxAnswerBytes = 4 * 1024 * 1024;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AskInterval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ValidFor = TimeSpan.FromSeconds(30);

    private static readonly string[] Places = ["/usr/sbin/multipathd", "/sbin/multipathd"];

    private Task<MultipathView?>? _asking;
    private TimeSpan _askedAt = -AskInterval;
    private MultipathView _view = MultipathView.None;
    private TimeSpan _viewAt;

    /// <summary>The program's usual place; null when multipath-tools is not installed.</summary>
    public static string? Find() => Places.FirstOrDefault(File.Exists);

    /// <summary>The last answer that still counts.</summary>
    public MultipathView View(TimeSpan now)
    {
        if (_asking is { IsCompleted: true } asked)
        {
            _asking = null;
            if (asked.IsCompletedSuccessfully && asked.Result is { } view)
            {
                (_view, _viewAt) = (view, _askedAt);
            }
        }

        return now - _viewAt < ValidFor ? _view : MultipathView.None;
    }

    /// <summary>Asks when it is time to; at once when something happened.</summary>
    public void AskWhenDue(bool hasChange, TimeSpan now, CancellationToken cancellationToken)
    {
        if (program is not null && _asking is null && (hasChange || now - _askedAt >= AskInterval))
        {
            _askedAt = now;
            _asking = AskAsync(program, cancellationToken);
        }
    }

    private async Task<MultipathView?> AskAsync(string path, CancellationToken cancellationToken)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using CancellationTokenSource limit = new(Limit, time);
        using CancellationTokenRegistration chained = limit.Token.Register(timer.Cancel);
        try
        {
            using Process process = Start(path);
            try
            {
                byte[] answer = new byte[MaxAnswerBytes];
                int size = await process.StandardOutput.BaseStream
                    .ReadAtLeastAsync(answer, answer.Length, throwOnEndOfStream: false, timer.Token)
                    .ConfigureAwait(false);
                return MultipathMaps.Parse(answer.AsSpan(0, size));
            }
            finally
            {
                process.Kill();
                wake.Set();
            }
        }
        catch (Exception failure) when (failure
            is OperationCanceledException or IOException or Win32Exception or InvalidOperationException)
        {
            return null;
        }
    }

    private static Process Start(string path)
    {
        var start = new ProcessStartInfo(path)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in new[] { "show", "maps", "json" })
        {
            start.ArgumentList.Add(argument);
        }

        return Process.Start(start) ?? throw new IOException($"{path} did not start");
    }
}
