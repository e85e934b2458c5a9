using System.CommandLine;
using System.Reflection;
using GuestAgent;
using GuestAgent.Configuration;
using GuestAgent.Configuration.Reading;
using GuestAgent.Linux;
using GuestAgent.Probing;
using GuestAgent.Remedies;
using GuestAgent.Signals;
using GuestAgent.Signals.Parsing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Protocol;
using Protocol.Configuration;
using Protocol.Health;
using Serilog;

return args switch
{
    ["--version"] => AgentProgram.PrintVersion(),
    [ProbeChild.Argument] => ProbeChild.Run(),
    [RemedyProcess.Argument, ..] => RemedyProcess.Run(args),
    [ConfigurationProcess.Argument, ..] => ConfigurationProcess.Run(args),
    ["--help"] or ["-h"] or ["-?"] or ["status" or "probe" or ConfigCommand.Name, ..] => AgentProgram.RunCommand(args),
    _ => AgentProgram.Run(args),
};

/// <summary>Composes the agent and runs it until it is told to stop.</summary>
internal static class AgentProgram
{
    private const int UsageError = 64; // EX_USAGE, sysexits.h
    private const int CannotStart = 1;

    private const int UnknownState = 3; // to a monitoring plugin's caller a mistake is no state of a filesystem

    private static string Version
        => typeof(AgentProgram).Assembly
            .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    public static int PrintVersion()
    {
        Console.WriteLine($"guest-agent {Version}");
        return 0;
    }

    /// <summary>A command that asks the running agent, or for help.</summary>
    public static int RunCommand(string[] arguments)
    {
        ParseResult parsed = new AgentCommandLine().Command.Parse(arguments);
        if (parsed.Errors.Count == 0)
        {
            return parsed.Invoke();
        }

        _ = Complain([MistakeOf(parsed)]);
        return arguments[0] == ConfigCommand.Name ? UsageError : UnknownState;
    }

    public static int Run(string[] arguments)
    {
        var commandLine = new AgentCommandLine();
        ParseResult parsed = commandLine.Command.Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            return Complain([MistakeOf(parsed)]);
        }

        IReadOnlyList<Setting> settings = commandLine.Settings.SettingsIn(parsed);
        AgentConfiguration fromCommandLine = AgentConfiguration.Of([], settings);
        if (fromCommandLine.Options is null)
        {
            return Complain(ConfigurationProblem.ToLines(fromCommandLine.Problems));
        }

        ProcessorShare.Prefer();
        DaemonSignals.EndOnTerminate();
        SmallStacks.Ensure(arguments);
        var paths = new PathRoot("/");
        if (!BootId.TryParse(BootIdText(paths), out BootId bootId))
        {
            return Break("/proc/sys/kernel/random/boot_id holds no boot id; is /proc mounted?");
        }

        // Before the signals of the loop: whoever stops the agent while it waits for a dead disk ends it.
        using var reader = new ConfigurationReload(arguments, settings);
        var copy = new ConfigurationCopy(
            SettingOptions.FolderIn(settings), bootId,
            AgentConfigurationReader.SourceOf(commandLine.Settings.FileOf(parsed)));
        var clock = new BootClock(TimeProvider.System);
        StartConfiguration configuration = StartConfiguration.Read(reader, copy, settings, clock);
        if (configuration.Options is not { } options)
        {
            return Complain(configuration.Problems);
        }

        using var stop = new StopSignal();
        bool isForJournal = Environment.GetEnvironmentVariable("JOURNAL_STREAM") is not null;
        using var output = new BoundedOutput(new LogLine(isForJournal));
        using IHost host = Compose(output);
        ILogger<AgentRuntime> log = host.Services.GetRequiredService<ILogger<AgentRuntime>>();
        int exitCode = 0;
        try
        {
            if (configuration.Trouble is { } trouble)
            {
                AgentLog.Warning(log, trouble);
            }

            AgentSettings unchanging = SettingsOf(options, bootId, paths, clock) with
            {
                ConfigurationTrouble = configuration.Trouble,
                MayReadWishes = configuration.MayReadWishes,
            };
            using var runtime = new AgentRuntime(options, reader, copy, unchanging, paths, clock, stop, log);
            RunLoop(runtime, unchanging, host, stop, log);
        }
        catch (Exception broken)
        {
            // A broken invariant: the last line says why, and the service manager starts a new agent.
            AgentLog.Broken(log, broken.Message);
            exitCode = Break(broken.Message);
        }

        output.Dispose();

        // A thread may be stuck in a call that no signal ends; leaving must not wait for it.
        Libc.ExitNow(exitCode);
        return exitCode;
    }

    /// <summary>Says what is wrong with the command line or the configuration, a line each.</summary>
    public static int Complain(IReadOnlyList<string> lines)
    {
        foreach (string line in lines)
        {
            // A path may hold anything; a NUL begins a new line in the journal.
            Console.Error.WriteLine($"guest-agent: {string.Concat(line.Select(one => char.IsControl(one) ? ' ' : one))}");
        }

        return UsageError;
    }

    private static string MistakeOf(ParseResult parsed)
        => $"{parsed.Errors[0].Message.TrimEnd('.')}; guest-agent --help lists what is allowed";

    private static int Break(string reason)
    {
        Console.Error.WriteLine($"guest-agent: {reason}");
        return CannotStart;
    }

    private static string BootIdText(PathRoot paths)
        => SmallFile.TryReadText(paths.Proc("sys/kernel/random/boot_id")) ?? string.Empty;

    private static AgentSettings SettingsOf(AgentOptions options, BootId bootId, PathRoot paths, BootClock clock) => new()
    {
        BootId = bootId,
        AgentVersion = Version,
        IsDomU = ThisMachine.IsDomU(paths),
        Intervals = options.Intervals,
        Phase = new Random(bootId.GetHashCode()).NextDouble(),
        HasFsckHook = CanForceCheck(paths, bootId),
        // No agent makes a report a millisecond: whoever starts later in this boot begins above the one before.
        FirstSequence = (long)clock.Now.SinceBoot.TotalMilliseconds + 1,
    };

    private static void RunLoop(
        AgentRuntime runtime, AgentSettings settings, IHost host, StopSignal stop, ILogger<AgentRuntime> log)
    {
        host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(stop.Set);
        host.Start();
        int count = runtime.LookAround();
        AgentLog.Started(
            log, Version, settings.BootId.ToString(), count,
            settings.IsDomU ? "on request" : "refused: this is not a DomU");
        if (ThisMachine.LockMemory() is { } errno)
        {
            AgentLog.Warning(log, $"memory cannot be locked ({errno}): the agent may hang with its root; "
                + "give it CAP_IPC_LOCK or LimitMEMLOCK=infinity");
        }

        runtime.Run();
    }

    private static bool CanForceCheck(PathRoot paths, BootId bootId)
        => EarlyBootMark.Parse(SmallFile.TryReadText(paths.Run(EarlyBootMark.FileName)), bootId)?
            .CanForceCheck(MountTable.TypeOfRoot(paths)) == true;

    private static IHost Compose(BoundedOutput output)
    {
        Serilog.Core.Logger logger = new LoggerConfiguration()
            .MinimumLevel.Information().WriteTo.Sink(output).CreateLogger();
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddSerilog(logger, dispose: false);
        builder.Services.Configure<ConsoleLifetimeOptions>(console => console.SuppressStatusMessages = true);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        return builder.Build();
    }
}
