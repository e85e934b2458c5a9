using System.CommandLine;
using System.CommandLine.Parsing;
using System.Reflection;
using HostBridge.Admin;
using HostBridge.Admin.Views;
using HostBridge.Configuration;
using HostBridge.Configuration.Reading;
using HostBridge.Incidents;
using HostBridge.Storage;
using HostBridge.Toolstacks.Steps;
using Protocol.Configuration;

namespace HostBridge;

/// <summary>The command line: options in, exit code out. Whatever is wrong is one line on the standard error.</summary>
internal static class CommandLine
{
    /// <summary>The command line, the configuration, or a value in it is wrong (EX_USAGE of sysexits.h).</summary>
    public const int UsageExitCode = 64;

    /// <summary>A file of the configuration cannot be read, by no mistake in it (EX_IOERR of sysexits.h).</summary>
    public const int ReadErrorExitCode = 74;

    /// <summary>Another host-bridge uses the state directory (EX_TEMPFAIL of sysexits.h).</summary>
    public const int InUseExitCode = 75;

    /// <summary>How long a state directory may take to be locked.</summary>
    private static readonly TimeSpan ClaimLimit = TimeSpan.FromSeconds(10);

    private static readonly SettingOptions Settings = new();

    /// <summary>The program's version.</summary>
    public static string Version
        => typeof(CommandLine).Assembly
            .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    /// <summary>Runs the program.</summary>
    public static async Task<int> RunAsync(string[] arguments)
    {
        if (arguments is ["--version"])
        {
            Console.WriteLine($"host-bridge {Version}");
            return 0;
        }

        if (arguments is [DirectReader.Verb])
        {
            return DirectReader.Run(Console.In, Console.Out);
        }

        if (arguments is [StepProgram.Verb, var folder, var intent, var step])
        {
            return await StepProgram.RunAsync(folder, intent, step).ConfigureAwait(false);
        }

        if (arguments is [Sandbox.Verb, ..])
        {
            return Sandbox.Run(arguments.AsSpan(1));
        }

        var root = new RootCommand("Brings guests back whose filesystems died with their storage.");
        Settings.AddAllTo(root);
        AdminCommands.AddTo(root, Settings);
        root.Subcommands.Add(DoctorCommand.Create(Settings));
        root.Subcommands.Add(DiagnoseCommand.Create(Settings));
        root.Subcommands.Add(ConfigCommand.Create(Settings));
        root.Subcommands.Add(NotifyCommand.Create(Settings));
        root.SetAction(RunBridgeAsync);
        ParseResult parsed = root.Parse(arguments);
        return parsed.Errors is [ParseError first, ..]
            ? Complain(
                $"{first.Message} Try host-bridge --help.",
                parsed.CommandResult.Command.Name == CheckCommand.Name ? (int)CheckStatus.Unknown : UsageExitCode)
            : await parsed.InvokeAsync().ConfigureAwait(false);
    }

    private static async Task<int> RunBridgeAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        IReadOnlyList<Setting> settings = Settings.SettingsIn(parsed);
        if (BridgeConfiguration.ProblemsOf(settings) is { Count: > 0 } mistakes)
        {
            return Complain(mistakes);
        }

        var copy = new BridgeConfigurationCopy(Settings.FileOf(parsed), settings);
        StartConfiguration start = await StartConfiguration
            .ReadAsync(() => Settings.Read(parsed), copy).ConfigureAwait(false);
        if (start.Options is not { } options)
        {
            return Complain(start.Problems);
        }

        StateClaim claim = await ClaimAsync(options.StateDirectory).ConfigureAwait(false);
        if (claim.Refusal is { } refusal)
        {
            return Complain(refusal, InUseExitCode);
        }

        // Disposed of by the thread that writes: this one must not wait for a disk that hangs.
        var incidents = new IncidentStore(options.StateDirectory, claim.Lock);
        return await BridgeHost
            .RunAsync(
                new OptionsInForce(options) { Trouble = start.Trouble }, () => Settings.Read(parsed), copy, incidents,
                cancellationToken)
            .ConfigureAwait(false);
    }

    private static async Task<StateClaim> ClaimAsync(string stateDirectory)
    {
        try
        {
            return await OwnThread
                .RunAsync("state lock", () => Task.FromResult(StateLock.TryTake(stateDirectory)), ClaimLimit)
                .ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or TimeoutException)
        {
            // The directory is of no use to anyone. The bridge listens and tells without it, and does nothing.
            return new StateClaim(Lock: null, Refusal: null);
        }
    }

    /// <summary>Says what is wrong, on one line; returns the exit code.</summary>
    public static int Complain(string line, int exitCode)
    {
        Console.Error.WriteLine($"host-bridge: {line.ReplaceLineEndings(" ")}");
        return exitCode;
    }

    /// <summary>Says everything that is wrong with the configuration, a line each; returns the exit code.</summary>
    public static int Complain(IReadOnlyList<ConfigurationProblem> problems)
    {
        foreach (string line in ConfigurationProblem.ToLines(problems))
        {
            Complain(line, UsageExitCode);
        }

        return UsageExitCode;
    }
}
