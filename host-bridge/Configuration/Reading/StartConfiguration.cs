using System.Globalization;
using HostBridge.Admin;
using Protocol.Configuration;

namespace HostBridge.Configuration.Reading;

/// <summary>What the bridge starts with.</summary>
/// <param name="Options">The options; null when the configuration has mistakes.</param>
/// <param name="Problems">The mistakes.</param>
/// <param name="Trouble">Why the files are not known, and what is in force instead, for an operator; null when read.</param>
internal sealed record StartConfiguration(
    BridgeOptions? Options, IReadOnlyList<ConfigurationProblem> Problems, string? Trouble)
{
    private static readonly TimeSpan ReadLimit = TimeSpan.FromSeconds(10);

    /// <summary>Why a reading counts for nothing that has not ended.</summary>
    public static string NotInTime { get; }
        = string.Create(CultureInfo.InvariantCulture, $"the files are not read within {ReadLimit.TotalSeconds:0} s");

    /// <summary>
    /// Reads the files. Where they cannot be read, the settings of the last reading in this boot are in force. Without these
    /// the bridge observes and acts on no guest, also when the command line says otherwise: the files may except guests.
    /// </summary>
    /// <param name="read">Reads the files with this program's command line.</param>
    /// <param name="copy">The copy of the last reading.</param>
    public static async Task<StartConfiguration> ReadAsync(
        Func<BridgeConfiguration> read, BridgeConfigurationCopy copy)
    {
        string fault;
        try
        {
            BridgeConfiguration configuration = await OwnThread
                .RunAsync("configuration", () => Task.FromResult(read()), ReadLimit).ConfigureAwait(false);
            if (configuration.Faults.Count == 0)
            {
                if (configuration.Options is not null)
                {
                    copy.Keep(configuration.FileSettings);
                }

                return new StartConfiguration(configuration.Options, configuration.Problems, null);
            }

            fault = FileFault.ToLines(configuration.Faults)[0];
        }
        catch (TimeoutException)
        {
            fault = NotInTime;
        }

        return copy.TryRead() is { } kept
            ? new StartConfiguration(kept, [], TroubleOf(fault, "the settings last read in this boot are in force"))
            : new StartConfiguration(
                copy.Observing(), [], TroubleOf(fault, "the command line and the defaults are in force, in mode observe"));
    }

    /// <summary>The sentence for the log, the status and the check.</summary>
    /// <param name="fault">What cannot be read, and why.</param>
    /// <param name="inForce">What is in force instead.</param>
    public static string TroubleOf(string fault, string inForce)
        => $"the configuration cannot be read: {fault}; {inForce}";
}
