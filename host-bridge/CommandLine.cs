using System.CommandLine;
using System.CommandLine.Parsing;
using System.Reflection;
using HostBridge.Admin;
using HostBridge.Incidents;
using HostBridge.Storage;
using HostBridge.Toolstacks.Steps;
using Protocol.Channel;

namespace HostBridge;

/// <summary>The command line: options in, exit code out. Whatever is wrong is one line on the standard error.</summary>
internal static class CommandLine
{
    /// <summary>The command line, the configuration, or a value in it is wrong (EX_USAGE of sysexits.h).</summary>
    public const int UsageExitCode = 64;

    /// <summary>Another host-bridge uses the state directory (EX_TEMPFAIL of sysexits.h).</summary>
    public const int InUseExitCode = 75;

    /// <summary>How long a state directory may take to be locked.</summary>
    private static readonly TimeSpan ClaimLimit = TimeSpan.FromSeconds(10);

    private static readonly Option<string?> Config = new("--config")
    {
        Description = "Read settings from an INI file; the same names as here, without the dashes.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> Xenstore = Setting(
        BridgeOptionsParser.Xenstore, "PATH", "xenstored's socket (default: /run/xenstored/socket).");

    private static readonly Option<string?> Channel = Setting(
        BridgeOptionsParser.Channel,
        "NAME",
        $"The guests' console channel; none for none (default: {ChannelLimits.DefaultName}).");

    private static readonly Option<string?> StateDirectory = Setting(
        BridgeOptionsParser.StateDirectory, "DIR", "Where incidents are recorded (default: /var/lib/host-bridge).");

    private static readonly Option<string?> AdminSocketPath = Setting(
        BridgeOptionsParser.AdminSocket,
        "PATH",
        $"The socket on which the bridge is asked; none for none (default: {AdminSocket.DefaultPath}).");

    private static readonly Option<string?> Mode = Setting(
        BridgeOptionsParser.Mode, "observe|recover", "Whether to act (default: observe).");

    private static readonly Option<string?> ToolstackCommand = Setting(
        BridgeOptionsParser.ToolstackCommand, "PATH", "A program that forces a check at a guest's next boot.");

    private static readonly Option<string?> Toolstack = Setting(
        BridgeOptionsParser.Toolstack, "xl|command|none", "What restarts guests (default: none).");

    private static readonly Option<string?> GuestConfigFolders = Setting(
        BridgeOptionsParser.GuestConfigFolders,
        "DIR,DIR",
        "Where files that define guests lie (default: /etc/xen, and vm, auto and domains in it).");

    private static readonly Option<string?> AllowDestroy = Setting(
        BridgeOptionsParser.AllowDestroy,
        "true|false",
        "Whether a domain whose old boot refuses to end may be destroyed (default: false).");

    private static readonly Option<string?> OfflineCheck = Setting(
        BridgeOptionsParser.OfflineCheck,
        "true|false",
        "Whether its filesystems are then checked from Dom0 (default: false).");

    private static readonly Option<string?> ExclusiveStorage = Setting(
        BridgeOptionsParser.ExclusiveStorageOf,
        "yes|no|unknown",
        "Whether no other host can use the disks of guests (default: unknown).");

    private static readonly Option<bool> ActWithoutHostEvidence = new("--" + BridgeOptionsParser.ActWithoutHostEvidence)
    {
        Description = "Restart a guest although this host saw no fault on its disks.",
    };

    private static readonly Option<string[]> AssumeOperational = new("--" + BridgeOptionsParser.AssumeOperational)
    {
        Description = "Answer for a disk that cannot be looked at. May be given again.",
        HelpName = "MAJOR:MINOR",
    };

    private static readonly Option<string?> StableSeconds = Setting(
        BridgeOptionsParser.StableSeconds, "N", "How long storage must be operational before acting (default: 30).");

    private static readonly Option<string?> GraceSeconds = Setting(
        BridgeOptionsParser.GraceSeconds, "N", "How long a boot that was first heard is left alone (default: 60).");

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

        var root = new RootCommand("Brings guests back whose filesystems died with their storage.")
        {
            Config, Xenstore, Channel, StateDirectory, AdminSocketPath, Mode, Toolstack, ToolstackCommand, GuestConfigFolders,
            AllowDestroy, OfflineCheck, ExclusiveStorage, ActWithoutHostEvidence, AssumeOperational, StableSeconds,
            GraceSeconds,
        };
        AdminCommands.AddTo(root, AdminSocketPath, StateDirectory, Config);
        root.Subcommands.Add(DoctorCommand.Create(Xenstore, Config));
        root.Subcommands.Add(DiagnoseCommand.Create(Xenstore, StateDirectory, Config));
        root.SetAction(RunBridgeAsync);
        ParseResult parsed = root.Parse(arguments);
        return parsed.Errors is [ParseError first, ..]
            ? Complain($"{first.Message} Try host-bridge --help.", UsageExitCode)
            : await parsed.InvokeAsync().ConfigureAwait(false);
    }

    private static async Task<int> RunBridgeAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        Option<string?>[] named =
        [
            Xenstore, Channel, StateDirectory, AdminSocketPath, Mode, Toolstack, ToolstackCommand, GuestConfigFolders,
            AllowDestroy, OfflineCheck, ExclusiveStorage, StableSeconds, GraceSeconds,
        ];
        foreach (Option<string?> option in named)
        {
            if (parsed.GetValue(option) is { } value)
            {
                settings[option.Name.TrimStart('-')] = value;
            }
        }

        if (parsed.GetResult(ActWithoutHostEvidence) is not null)
        {
            settings[BridgeOptionsParser.ActWithoutHostEvidence] =
                parsed.GetValue(ActWithoutHostEvidence) ? "true" : "false";
        }

        if (parsed.GetValue(AssumeOperational) is { Length: > 0 } devices)
        {
            settings[BridgeOptionsParser.AssumeOperational] = string.Join(',', devices);
        }

        BridgeOptionsResult result = BridgeOptionsParser.Parse(settings, parsed.GetValue(Config));
        if (result.Options is not { } options)
        {
            return Complain(result.Error!, UsageExitCode);
        }

        StateClaim claim = await ClaimAsync(options.StateDirectory).ConfigureAwait(false);
        if (claim.Refusal is { } refusal)
        {
            return Complain(refusal, InUseExitCode);
        }

        // Disposed of by the thread that writes: this one must not wait for a disk that hangs.
        var incidents = new IncidentStore(options.StateDirectory, claim.Lock);
        return await BridgeHost.RunAsync(options, incidents, cancellationToken).ConfigureAwait(false);
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

    private static Option<string?> Setting(string name, string helpName, string description)
        => new("--" + name) { Description = description, HelpName = helpName };

    /// <summary>Says what is wrong, on one line; returns the exit code.</summary>
    public static int Complain(string line, int exitCode)
    {
        Console.Error.WriteLine($"host-bridge: {line.ReplaceLineEndings(" ")}");
        return exitCode;
    }
}
