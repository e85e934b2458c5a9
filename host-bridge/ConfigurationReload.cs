using System.Runtime.InteropServices;
using HostBridge.Admin;
using HostBridge.Configuration;
using HostBridge.Configuration.Reading;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Protocol;
using Protocol.Configuration;

namespace HostBridge;

/// <summary>
/// Reads the configuration again on SIGHUP. A good one is taken, as far as a running bridge can take it; with a bad one
/// the old one stays in force. Either is told in the log.
/// </summary>
internal sealed partial class ConfigurationReload : BackgroundService
{
    /// <summary>The disk that the files lie on may hang.</summary>
    private static readonly TimeSpan ReadLimit = TimeSpan.FromSeconds(10);

    /// <summary>Files that could not be read are read again after this time, and after twice the last time each.</summary>
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(10);

    private readonly SemaphoreSlim _wanted = new(0);
    private readonly Func<BridgeConfiguration> _read;
    private readonly BridgeConfigurationCopy _copy;
    private readonly OptionsInForce _inForce;
    private readonly BridgeInputQueue _inputs;
    private readonly ILogger<ConfigurationReload> _logger;
    private readonly PosixSignalRegistration _signal;
    private Task? _running;

    /// <summary>From here on SIGHUP does not end the program: it is made before the program says that it starts.</summary>
    /// <param name="read">Reads the configuration with this program's command line.</param>
    /// <param name="copy">Keeps what was read.</param>
    /// <param name="inForce">The options that hold.</param>
    /// <param name="inputs">The queue that leads into the loop.</param>
    /// <param name="logger">The log.</param>
    public ConfigurationReload(
        Func<BridgeConfiguration> read, BridgeConfigurationCopy copy, OptionsInForce inForce, BridgeInputQueue inputs,
        ILogger<ConfigurationReload> logger)
    {
        (_read, _copy, _inForce, _inputs, _logger) = (read, copy, inForce, inputs, logger);
        _signal = DaemonSignals.OnHangUp(Want);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            TimeSpan pause = FirstPause;
            while (true)
            {
                bool isNotKnown = _inForce.Trouble is not null;
                bool isAsked = await _wanted
                    .WaitAsync(isNotKnown ? pause : Timeout.InfiniteTimeSpan, stoppingToken).ConfigureAwait(false);
                await ReloadAsync(isAsked, stoppingToken).ConfigureAwait(false);
                pause = isNotKnown ? TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, LongestPause.Ticks)) : FirstPause;
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The bridge stops.
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _signal.Dispose();
        _wanted.Dispose();
        base.Dispose();
    }

    private void Want(PosixSignalContext context)
    {
        context.Cancel = true;
        if (_wanted.CurrentCount == 0)
        {
            _wanted.Release();
        }
    }

    private async Task ReloadAsync(bool isAsked, CancellationToken cancellationToken)
    {
        BridgeConfiguration configuration;
        if (_running is { IsCompleted: false })
        {
            // A thread that hangs in a read is one too many already.
            return;
        }

        try
        {
            var ended = new TaskCompletionSource();
            _running = ended.Task;
            configuration = await OwnThread.RunAsync("configuration", () => Task.FromResult(Read(ended)), ReadLimit)
                .ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            NoteFault(StartConfiguration.NotInTime, isAsked);
            return;
        }

        if (configuration.Faults.Count > 0)
        {
            NoteFault(FileFault.ToLines(configuration.Faults)[0], isAsked);
            return;
        }

        _inForce.Trouble = null;

        if (configuration.Options is not { } options)
        {
            foreach (string line in ConfigurationProblem.ToLines(configuration.Problems))
            {
                LogProblem(line);
            }

            LogRefused(configuration.Problems.Count);
            return;
        }

        _copy.Keep(configuration.FileSettings);
        BridgeOptions before = _inForce.Value;
        foreach (SettingKey<BridgeOptions> key in BridgeKeys.Table.NeedingStart(before, options))
        {
            LogNeedsStart(key.Name, key.ValueIn(options), key.ValueIn(before));
        }

        // What the bridge stands on stays as it is until the next start, also for whoever asks.
        _inForce.Replace(before with { Policy = options.Policy });
        await _inputs.PostAsync(new BridgeInput.PolicyChanged(options.Policy), cancellationToken).ConfigureAwait(false);
        LogTaken(options.Policy.Mode, options.Policy.Guests.Count, string.Join(", ", configuration.Files));
    }

    private BridgeConfiguration Read(TaskCompletionSource ended)
    {
        try
        {
            return _read();
        }
        finally
        {
            ended.SetResult();
        }
    }

    /// <summary>Logged when it is new, or when somebody asked for the reading.</summary>
    private void NoteFault(string reason, bool isAsked)
    {
        bool isNews = _inForce.Trouble is null;
        _inForce.Trouble ??= StartConfiguration.TroubleOf(reason, "what was in force stays in force");
        if (isNews || isAsked)
        {
            LogNotKnown(reason);
        }
    }

    [LoggerMessage(Level = LogLevel.Information,
        Message = "the configuration was read again and is in force: mode {Mode}, {Guests} guests with a section; "
            + "read: {Files}")]
    private partial void LogTaken(Recovery.BridgeMode mode, int guests, string files);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "{Key} = {Value} takes effect at the next start; until then it is {Before}")]
    private partial void LogNeedsStart(string key, string value, string before);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Problem}")]
    private partial void LogProblem(string problem);

    [LoggerMessage(Level = LogLevel.Error,
        Message = "the configuration was read again and has {Count} mistakes: what was in force stays in force; "
            + "mend them and reload")]
    private partial void LogRefused(int count);

    [LoggerMessage(Level = LogLevel.Error,
        Message = "the configuration cannot be read: {Reason}; what was in force stays in force, and it is read again "
            + "with back-off; look at the disk it lies on")]
    private partial void LogNotKnown(string reason);
}
