using System.Globalization;
using HostBridge.Admin;
using HostBridge.Configuration;
using HostBridge.Configuration.Reading;
using HostBridge.Guests;
using HostBridge.Guests.Channels;
using HostBridge.Incidents;
using HostBridge.Notifications;
using HostBridge.Recovery;
using HostBridge.Storage;
using HostBridge.Toolstacks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Protocol.Xenstore.Client;
using Serilog;

namespace HostBridge;

/// <summary>Puts the program together and runs it. The only place that knows every part, and Serilog.</summary>
internal static partial class BridgeHost
{
    private const int CrashExitCode = 1;
    private const string LineTemplate = "{Timestamp:yyyy-MM-ddTHH:mm:ss.fffZ} {Level:u3} {Message:lj}{NewLine}";

    private static readonly TimeSpan ShutdownLimit = TimeSpan.FromMilliseconds(500);

    /// <summary>Runs until asked to stop (0) or until a part of it crashes (1).</summary>
    /// <param name="inForce">The options it starts with.</param>
    /// <param name="read">Reads the configuration again.</param>
    /// <param name="copy">Keeps what was read.</param>
    /// <param name="incidents">The incident log.</param>
    /// <param name="cancellationToken">Asks it to stop.</param>
    public static async Task<int> RunAsync(
        OptionsInForce inForce, Func<BridgeConfiguration> read, BridgeConfigurationCopy copy, IncidentStore incidents,
        CancellationToken cancellationToken)
    {
        BridgeOptions options = inForce.Value;
        using Serilog.Core.Logger console = new LoggerConfiguration()
            .WriteTo.Console(outputTemplate: LineTemplate, formatProvider: CultureInfo.InvariantCulture)
            .CreateLogger();
        using var sink = new BoundedConsoleSink(console);
        using Serilog.Core.Logger log = new LoggerConfiguration()
            .MinimumLevel.Override("Microsoft", Serilog.Events.LogEventLevel.Warning)
            .WriteTo.Sink(sink)
            .CreateLogger();

        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings
        {
            ApplicationName = "host-bridge",
        });
        AddParts(builder.Services, options, incidents, log);
        AddConfiguration(builder.Services, inForce, read, copy);
        using IHost host = builder.Build();
        IReadOnlyList<BackgroundService> services =
            [.. host.Services.GetServices<IHostedService>().OfType<BackgroundService>()];
        ILogger<BridgeOptions> logger = host.Services.GetRequiredService<ILogger<BridgeOptions>>();
        LogStart(logger, options.Policy.Mode, options.XenstorePath);
        if (inForce.Trouble is { } trouble)
        {
            LogConfigurationTrouble(logger, trouble);
        }

        await host.RunAsync(cancellationToken).ConfigureAwait(false);

        foreach (BackgroundService service in services)
        {
            if (service.ExecuteTask is { IsFaulted: true } ended)
            {
                string reason = ended.Exception?.InnerException?.Message ?? "no reason is known";
                log.Fatal("host-bridge ends: {Part} crashed: {Reason}", service.GetType().Name, reason);
                return CrashExitCode;
            }
        }

        return 0;
    }

    private static void AddParts(
        IServiceCollection services, BridgeOptions options, IncidentStore incidents, Serilog.ILogger log)
    {
        services.AddSerilog(log);
        services.AddSystemd();
        services.Configure<HostOptions>(host => host.ShutdownTimeout = ShutdownLimit);
        services.Configure<ConsoleLifetimeOptions>(console => console.SuppressStatusMessages = true);
        services.AddSingleton(options);
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton<BridgeClock>();
        services.AddSingleton<BridgeInputQueue>();
        services.AddSingleton(new BridgeLoop(options.Policy));
        services.AddSingleton(provider => new XenstoreClient(
            options.XenstorePath,
            new XenstoreClientOptions { Jitter = new Random(), PauseAfterEvents = GuestListener.EventPause },
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<ChannelBook>();
        services.AddSingleton<GuestRequests>();
        AddStorage(services, options);
        services.AddSingleton(provider => ToolstackFactory.Create(
            provider.GetRequiredService<OptionsInForce>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(incidents);
        services.AddSingleton<IncidentLog>();
        services.AddSingleton(provider => new NotificationService(
            options.Notifications,
            provider.GetRequiredService<IncidentLog>(),
            provider.GetRequiredService<BridgeClock>(),
            provider.GetRequiredService<ILogger<NotificationService>>()));
        services.AddSingleton<EffectExecutor>();
        services.AddSingleton<AdminDesk>();
        services.AddSingleton<AdminService>();
        services.AddHostedService(provider => provider.GetRequiredService<IncidentLog>());
        services.AddHostedService(provider => provider.GetRequiredService<NotificationService>());
        services.AddHostedService<BridgeDriver>();
        services.AddHostedService<GuestListener>();
        services.AddHostedService(provider => new AdminSocket(
            options.AdminSocket,
            provider.GetRequiredService<AdminService>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<AdminSocket>>()));
        services.AddHostedService<ChannelListener>();
        services.AddHostedService(provider => new ConsoleWatch(
            ConsoleWatch.DefaultFolder,
            provider.GetRequiredService<BridgeInputQueue>(),
            provider.GetRequiredService<BridgeClock>(),
            provider.GetRequiredService<ILogger<ConsoleWatch>>()));
    }

    private static void AddConfiguration(
        IServiceCollection services, OptionsInForce inForce, Func<BridgeConfiguration> read,
        BridgeConfigurationCopy copy)
    {
        services.AddSingleton(inForce);
        services.AddHostedService(provider => new ConfigurationReload(
            read,
            copy,
            provider.GetRequiredService<OptionsInForce>(),
            provider.GetRequiredService<BridgeInputQueue>(),
            provider.GetRequiredService<ILogger<ConfigurationReload>>()));
    }

    private static void AddStorage(IServiceCollection services, BridgeOptions options)
    {
        services.AddSingleton<WakeUp>();
        services.AddSingleton<WatchedDisks>();
        services.AddSingleton<IStorageGate>(provider => provider.GetRequiredService<WatchedDisks>());
        services.AddSingleton(provider => new StorageParts
        {
            Files = new HostFiles("/"),
            KernelLog = KernelLog.TryOpen(),
            Uevents = UeventSocket.TryOpen(),
            // The program as it was started, even when the file has been replaced since.
            ReaderProgram = "/proc/self/exe",
            MultipathdProgram = Multipathd.Find(),
            JournalProgram = IscsidJournal.Find(),
            VouchedFor = options.AssumeOperational.ToHashSet(),
        });
        services.AddHostedService<StorageWatch>();
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "host-bridge starts, mode {Mode}, xenstore at {Path}")]
    private static partial void LogStart(Microsoft.Extensions.Logging.ILogger logger, BridgeMode mode, string path);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Trouble}")]
    private static partial void LogConfigurationTrouble(Microsoft.Extensions.Logging.ILogger logger, string trouble);
}
