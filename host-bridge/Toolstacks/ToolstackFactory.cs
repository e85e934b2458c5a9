using HostBridge.Configuration;
using HostBridge.Doctor.Reading;
using HostBridge.Storage;
using HostBridge.Toolstacks.Steps;

namespace HostBridge.Toolstacks;

/// <summary>Puts the configured toolstack together.</summary>
internal static class ToolstackFactory
{
    /// <summary>The folder of the steps in the state directory.</summary>
    private const string StepsFolder = "steps";

    /// <summary>Makes it.</summary>
    public static IToolstack Create(OptionsInForce options, TimeProvider time)
        => options.Value.Toolstack switch
    {
        ToolstackKind.Command => new ExternalToolstack(
            options.Value.ToolstackCommand!, ExternalToolstack.DefaultLimit),
        ToolstackKind.Xl => CreateXl(options, time),
        _ => new NoToolstack(),
    };

    private static XlToolstack CreateXl(OptionsInForce inForce, TimeProvider time)
    {
        BridgeOptions options = inForce.Value;
        // Without an xl every question is answered by that it is not there.
        string program = Xl.Find() ?? "/usr/sbin/xl";
        var folder = new StepFolder(Path.Combine(options.StateDirectory, StepsFolder));
        folder.CleanUp(time.GetUtcNow());
        var settings = new XlToolstackOptions
        {
            XlProgram = program,
            XenstorePath = options.XenstorePath,
            ConfigFolders = options.GuestConfigFolders,
            // A word that the administrator takes back counts from then on.
            ExclusiveStorageOf = guest => inForce.Value.Policy.Of(guest).ExclusiveStorage,
            HostBoot = HostFiles.TryRead("/proc/sys/kernel/random/boot_id") ?? string.Empty,
        };
        return new XlToolstack(
            settings,
            new Xl(program),
            new GuestConfigs(new HostTree("/"), options.GuestConfigFolders),
            folder,
            new StepRunner(folder, Environment.ProcessPath!, StepRunner.FindSystemdRun(), time));
    }
}
