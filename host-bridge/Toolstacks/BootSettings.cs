using HostBridge.Recovery;
using HostBridge.Toolstacks.Parsing;

namespace HostBridge.Toolstacks;

/// <summary>What is given to xl together with a guest's file.</summary>
/// <param name="Settings">Lines of configuration, after those of the file.</param>
/// <param name="WhyNot">Why no forced check is among them; null when it is.</param>
internal sealed record BootSettings(IReadOnlyList<string> Settings, string? WhyNot)
{
    /// <summary>The names under which xl takes kernel arguments, the one that covers the others first.</summary>
    private static readonly string[] ArgumentNames = ["cmdline", "extra"];

    /// <summary>Whether a check is forced.</summary>
    public bool IsForced => WhyNot is null;

    /// <summary>
    /// The settings that give a guest its own uuid, and a forced check in its kernel's arguments. Which name of them is
    /// in force is not guessed: xl is asked what it would make of each.
    /// </summary>
    public static async Task<BootSettings> FindAsync(
        Xl xl, string file, XlDomainConfig defined, CancellationToken cancellationToken)
    {
        // A file without a uuid would make another guest.
        string uuid = $"uuid=\"{defined.Uuid:D}\"";
        if (XlConfigRules.WhyArgumentsAreNotOurs(defined) is { } notOurs)
        {
            return new BootSettings([uuid], notOurs);
        }

        string arguments = KernelArguments.WithForcedCheck(defined.Arguments);
        foreach (string name in ArgumentNames)
        {
            if (KernelArguments.Setting(name, arguments) is not { } setting)
            {
                return new BootSettings([uuid], "its kernel arguments have characters for which xl has no quotes");
            }

            XlAnswer<XlDomainConfig> made = await xl.TryCreateAsync(file, [uuid, setting], cancellationToken)
                .ConfigureAwait(false);
            if (made.Value is { } config && config.Arguments == arguments && config.Uuid == defined.Uuid)
            {
                return new BootSettings([uuid, setting], WhyNot: null);
            }
        }

        return new BootSettings([uuid], "xl takes its kernel arguments neither as cmdline nor as extra");
    }
}
