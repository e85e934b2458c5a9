using System.CommandLine;
using HostBridge.Commands;
using HostBridge.Configuration;
using HostBridge.Doctor;
using HostBridge.Doctor.Reading;

namespace HostBridge.Admin;

/// <summary><c>host-bridge doctor</c>: examines this host and changes nothing.</summary>
internal static class DoctorCommand
{
    /// <summary>A controller that fails over, and one that is started anew.</summary>
    public static readonly int[] DefaultFailoverSeconds = [30, 180];

    private const int MaxFailoverSeconds = 7 * 24 * 60 * 60;

    private static readonly Option<bool> Json = new("--json") { Description = "Print one object of JSON." };

    private static readonly Option<bool> PrintFix = new("--print-fix")
    {
        Description = "Print the commands that mend what was found, and run none.",
    };

    private static readonly Option<int[]> FailoverSeconds = new("--failover-seconds")
    {
        Description = "A failover to be survived, in seconds; may be given again (default: 30 and 180).",
        HelpName = "N",
    };

    /// <summary>Makes the command.</summary>
    /// <param name="settings">The options of the bridge.</param>
    public static Command Create(SettingOptions settings)
    {
        var command = new Command("doctor", "Looks for settings that turn the next failover into dead guests.")
        {
            Json, PrintFix, FailoverSeconds,
        };
        settings.AddTo(command, "xenstore");
        command.SetAction((parsed, _) => RunAsync(parsed, settings.Read(parsed)));
        return command;
    }

    /// <summary>This host, as the bridge sees it.</summary>
    public static HostSources SourcesOf(BridgeOptions options)
        => new("/", options.XenstorePath, BoundedCommand.Find("multipathd"), SystemClock.IsSynchronised);

    private static async Task<int> RunAsync(ParseResult parsed, BridgeConfiguration configuration)
    {
        int[] failovers = parsed.GetValue(FailoverSeconds) is { Length: > 0 } given ? given : DefaultFailoverSeconds;
        if (Array.Exists(failovers, seconds => seconds is < 1 or > MaxFailoverSeconds))
        {
            return CommandLine.Complain(
                $"--failover-seconds must be 1 to {MaxFailoverSeconds}.", CommandLine.UsageExitCode);
        }

        if (configuration.Options is not { } options)
        {
            return CommandLine.Complain(configuration.Problems);
        }

        HostSettings settings = await HostReader.ReadAsync(SourcesOf(options)).ConfigureAwait(false);
        var examination = Examination.Of(new Audit(settings, [.. failovers.Distinct().Order()]));
        Console.Write(parsed.GetValue(Json) ? ExaminationJson.Write(examination) + "\n"
            : parsed.GetValue(PrintFix) ? ExaminationText.WriteFix(examination)
            : ExaminationText.Write(examination));
        return examination.ExitCode;
    }
}
