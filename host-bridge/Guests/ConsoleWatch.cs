using HostBridge.Recovery;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace HostBridge.Guests;

/// <summary>Follows the console logs of all guests, for those in which no agent speaks.</summary>
/// <param name="folder">Where xenconsoled writes them.</param>
/// <param name="inputs">Where what they show goes.</param>
/// <param name="clock">For waits.</param>
/// <param name="logger">For troubles.</param>
internal sealed partial class ConsoleWatch(
    string folder, BridgeInputQueue inputs, BridgeClock clock, ILogger<ConsoleWatch> logger) : BackgroundService
{
    /// <summary>xenconsoled's own folder.</summary>
    public const string DefaultFolder = "/var/log/xen/console";

    private const string Prefix = "guest-";
    private const string Suffix = ".log";

    /// <summary>More than any host has guests; each costs an open file.</summary>
    private const int MaxLogs = 2048;

    /// <summary>What one guest's console can make the bridge hear: a burst, and one sign a second after it.</summary>
    private const int SignBurst = 20;

    private static readonly TimeSpan SignInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, FollowedLog> _logs = new(StringComparer.Ordinal);
    private bool _saidTrouble;

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach (FollowedLog log in _logs.Values)
        {
            log.Reader.Dispose();
        }

        base.Dispose();
    }

    /// <summary>Reads every log once.</summary>
    public async Task ReadAsync(CancellationToken cancellationToken)
    {
        string? trouble = Try(FindLogs);
        foreach ((string path, FollowedLog log) in _logs.ToList())
        {
            IReadOnlyList<ConsoleSign> signs = [];
            trouble = Try(() => signs = log.Reader.Read()) ?? trouble;
            foreach (ConsoleSign sign in signs.Where(_ => log.Bucket.TryTake(clock.Now.Elapsed)))
            {
                await inputs.PostAsync(new BridgeInput.ConsoleRead(log.GuestName, sign), cancellationToken)
                    .ConfigureAwait(false);
            }

            if (!log.Reader.IsOpen)
            {
                _logs.Remove(path);
            }
        }

        if (trouble is not null && !_saidTrouble)
        {
            LogTrouble(folder, trouble);
        }

        _saidTrouble = trouble is not null;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, clock.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
            {
                await ReadAsync(stoppingToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Asked to stop.
        }
    }

    /// <summary>One log that cannot be read takes nothing from the others. Says what went wrong; null for nothing.</summary>
    private static string? Try(Action read)
    {
        try
        {
            read();
            return null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return failure.Message;
        }
    }

    private void FindLogs()
    {
        if (!Directory.Exists(folder))
        {
            return;
        }

        foreach (string path in Directory.EnumerateFiles(folder, $"{Prefix}*{Suffix}"))
        {
            if (_logs.Count < MaxLogs && !_logs.ContainsKey(path))
            {
                string name = Path.GetFileName(path)[Prefix.Length..^Suffix.Length];
                _logs[path] = new FollowedLog(
                    name, new ConsoleLogReader(path), new TokenBucket(SignBurst, SignInterval, clock.Now.Elapsed));
            }
        }
    }

    private sealed record FollowedLog(string GuestName, ConsoleLogReader Reader, TokenBucket Bucket);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "console logs in {Folder} cannot be read: {Reason}; guests without an agent are judged by this host alone")]
    private partial void LogTrouble(string folder, string reason);
}
