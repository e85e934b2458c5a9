using System.CommandLine;
using System.Globalization;
using HostBridge.Configuration;
using HostBridge.Diagnosis;
using HostBridge.Doctor.Reading;
using Protocol.Xenstore.Client;

namespace HostBridge.Admin;

/// <summary><c>host-bridge diagnose [DOMAIN]</c>: gathers what is to be gathered while it happens.</summary>
internal static class DiagnoseCommand
{
    private const int FailedExitCode = 1;
    private const int DefaultLimitSeconds = 60;
    private const int MaxLimitSeconds = 3600;

    private static readonly TimeSpan ItemLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan FindLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ListLimit = TimeSpan.FromSeconds(5);

    private static readonly Argument<string?> Domain = new("DOMAIN")
    {
        Description = "A guest's name, number or uuid (default: every guest).",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string?> Output = new("--output")
    {
        Description = "The archive to write (default: host-bridge-diagnose-TIME.tar.gz in this folder).",
        HelpName = "FILE",
    };

    private static readonly Option<int> LimitSeconds = new("--limit-seconds")
    {
        Description = "How long it may take in all (default: 60).",
        HelpName = "N",
        DefaultValueFactory = _ => DefaultLimitSeconds,
    };

    /// <summary>Makes the command.</summary>
    /// <param name="settings">The options of the bridge.</param>
    public static Command Create(SettingOptions settings)
    {
        var command = new Command("diagnose", "Gathers the state of storage and guests in one archive, without secrets.")
        {
            Domain, Output, LimitSeconds,
        };
        settings.AddTo(command, "xenstore", "state-directory");
        command.SetAction((parsed, _) => RunAsync(parsed, settings.Read(parsed)));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, BridgeConfiguration configuration)
    {
        int limit = parsed.GetValue(LimitSeconds);
        if (limit is < 1 or > MaxLimitSeconds)
        {
            return CommandLine.Complain($"--limit-seconds must be 1 to {MaxLimitSeconds}.", CommandLine.UsageExitCode);
        }

        if (configuration.Options is not { } options)
        {
            return CommandLine.Complain(configuration.Problems);
        }

        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        string time = now.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        string path = parsed.GetValue(Output) ?? $"host-bridge-diagnose-{time}.tar.gz";
        if (Path.Exists(path))
        {
            return CommandLine.Complain($"{path} is there already; give another file to --output.", FailedExitCode);
        }

        string? wanted = parsed.GetValue(Domain);
        var gatherer = new Gatherer(ItemLimit, TimeSpan.FromSeconds(limit), TimeProvider.System);
        IReadOnlyList<DiagnosedGuest> guests = await FindAsync(options.XenstorePath, wanted).ConfigureAwait(false);
        var items = new HostItems(new DiagnosisSources(
            DoctorCommand.SourcesOf(options), options.StateDirectory, DoctorCommand.DefaultFailoverSeconds));
        IReadOnlyList<string> listed = await ListAsync(items, guests, isEveryGuest: wanted is null).ConfigureAwait(false);
        IReadOnlyList<GatheredItem> gathered = await gatherer.GatherAsync(items.For(guests, listed)).ConfigureAwait(false);
        try
        {
            await Archive.WriteAsync(path, $"host-bridge-diagnose-{time}", gathered, now).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return CommandLine.Complain(
                $"{path} cannot be written: {failure.Message} Give another file to --output.", FailedExitCode);
        }

        Console.Write($"{Archive.IndexOf(gathered)}\n{path}\n");
        return 0;
    }

    private static async Task<IReadOnlyList<string>> ListAsync(
        HostItems items, IReadOnlyList<DiagnosedGuest> guests, bool isEveryGuest)
    {
        try
        {
            return await OwnThread.RunAsync(
                "files", () => Task.FromResult(items.ListFiles(guests, isEveryGuest)), ListLimit).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            Console.Error.WriteLine("host-bridge: the console logs and records cannot be listed: a folder hangs");
            return [];
        }
    }

    /// <summary>Without xenstore a guest is still known by its name: its console's log is there.</summary>
    private static async Task<IReadOnlyList<DiagnosedGuest>> FindAsync(string socketPath, string? wanted)
    {
        IReadOnlyList<DiagnosedGuest> found = [];
        try
        {
            found = File.Exists(socketPath)
                ? await XenstoreTree.FindAsync(socketPath, wanted, FindLimit).ConfigureAwait(false)
                : [];
        }
        catch (Exception failure) when (failure is XenstoreLinkException or OperationCanceledException)
        {
            Console.Error.WriteLine($"host-bridge: no guest is looked for: {failure.Message}");
        }

        if (wanted is not null && found.Count == 0)
        {
            Console.Error.WriteLine($"host-bridge: no guest {wanted} was found in xenstore; the rest is gathered");
            return [new DiagnosedGuest(Domain: null, wanted)];
        }

        return found;
    }
}
