using System.Diagnostics;
using System.Globalization;
using HostBridge.Commands;
using HostBridge.Guests;
using HostBridge.Recovery;
using HostBridge.Toolstacks.Parsing;

namespace HostBridge.Toolstacks;

/// <summary>What xl answered, or why that is no answer.</summary>
/// <typeparam name="T">What it is asked for.</typeparam>
/// <param name="Value">The answer; null when there is none.</param>
/// <param name="Problem">Why there is none, for a person; null when there is one.</param>
internal readonly record struct XlAnswer<T>(T? Value, string? Problem)
    where T : class;

/// <summary>
/// Runs xl (Xen 4.2 and later). Nothing that it prints is guessed at: what is not understood is no answer. That it ends
/// with 0 proves nothing; who changes something looks again afterwards.
/// </summary>
/// <param name="program">The absolute path of xl.</param>
internal sealed class Xl(string program)
{
    private const int MaxOutputBytes = 4 * 1024 * 1024;
    private const int MaxComplaintLength = 400;
    private const int MaxLists = 3;

    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(2);

    /// <summary>After this a list is not read again: who waits for it does not wait for ever.</summary>
    private static readonly TimeSpan ListingAgain = TimeSpan.FromSeconds(10);

    private static readonly CommandLimits Asking = new(TimeSpan.FromSeconds(30), MaxOutputBytes);

    /// <summary>libxl itself gives a device 10 s to go, and a script 40 s.</summary>
    private static readonly CommandLimits Destroying = new(TimeSpan.FromSeconds(120), MaxOutputBytes);

    /// <summary>Scripts for each device, pygrub, and the loading of a kernel from a slow disk.</summary>
    private static readonly CommandLimits Creating = new(TimeSpan.FromMinutes(5), MaxOutputBytes);

    /// <summary>Where xl is; null when it is not installed.</summary>
    public static string? Find() => BoundedCommand.Find("xl");

    /// <summary>
    /// Every domain, the dying too. A domain that comes or goes in that moment can spoil the list of all the others: it is
    /// read up to three times, as long as xl answers quickly, before that is an answer.
    /// </summary>
    public async Task<XlAnswer<IReadOnlyList<XlDomain>>> ListAsync(CancellationToken cancellationToken)
    {
        long began = Stopwatch.GetTimestamp();
        for (int attempt = 1; ; attempt++)
        {
            CommandOutput output = await RunAsync(["list", "-v"], Asking, cancellationToken).ConfigureAwait(false);
            XlAnswer<IReadOnlyList<XlDomain>> answer = Answer("xl list -v", output, XlDomainList.Parse(output.Text));
            if (answer.Value is not null || attempt == MaxLists || Stopwatch.GetElapsedTime(began) > ListingAgain)
            {
                return answer;
            }

            await Task.Delay(Backoff.After(attempt, FirstWait, LongestWait, program), cancellationToken)
                .ConfigureAwait(false);
        }
    }

    /// <summary>The definition of a domain that runs.</summary>
    public async Task<XlAnswer<XlDomainConfig>> DescribeAsync(DomainId domain, CancellationToken cancellationToken)
    {
        CommandOutput output = await RunAsync(["list", "-l", domain.ToString()], Asking, cancellationToken)
            .ConfigureAwait(false);
        return Answer($"xl list -l {domain}", output, XlDomainConfig.ParseRunning(output.Output, domain.Value));
    }

    /// <summary>The definition that a file makes together with more settings; nothing is created.</summary>
    public async Task<XlAnswer<XlDomainConfig>> TryCreateAsync(
        string file, IReadOnlyList<string> settings, CancellationToken cancellationToken)
    {
        CommandOutput output = await RunAsync(["create", "-n", file, .. settings], Asking, cancellationToken)
            .ConfigureAwait(false);
        return Answer($"xl create -n {file}", output, XlDomainConfig.ParseDryRun(output.Output));
    }

    /// <summary>Creates a domain; null when xl says that it did, otherwise what it says.</summary>
    public async Task<string?> CreateAsync(
        string file, IReadOnlyList<string> settings, CancellationToken cancellationToken)
        => Complaint($"xl create {file}", await RunAsync(["create", file, .. settings], Creating, cancellationToken)
            .ConfigureAwait(false));

    /// <summary>Destroys a domain; null when xl says that it did, otherwise what it says.</summary>
    public async Task<string?> DestroyAsync(DomainId domain, CancellationToken cancellationToken)
        => Complaint($"xl destroy {domain}", await RunAsync(["destroy", domain.ToString()], Destroying, cancellationToken)
            .ConfigureAwait(false));

    /// <summary>
    /// Has xl use a file and settings at the next restart of a domain, instead of what the domain was created with. Null
    /// when xl says that it will, otherwise what it says.
    /// </summary>
    public async Task<string?> UpdateConfigAsync(
        DomainId domain, string file, IReadOnlyList<string> settings, CancellationToken cancellationToken)
        => Complaint($"xl config-update {domain}", await RunAsync(
            ["config-update", domain.ToString(), file, .. settings], Asking, cancellationToken).ConfigureAwait(false));

    private Task<CommandOutput> RunAsync(
        IReadOnlyList<string> arguments, CommandLimits limits, CancellationToken cancellationToken)
        => BoundedCommand.RunAsync(program, arguments, limits, cancellationToken);

    private static XlAnswer<T> Answer<T>(string command, CommandOutput output, T? value)
        where T : class
        => Complaint(command, output) is { } complaint ? new XlAnswer<T>(null, complaint)
            : value is null ? new XlAnswer<T>(null, $"{command}: what it prints is not understood")
            : new XlAnswer<T>(value, Problem: null);

    private static string? Complaint(string command, CommandOutput output)
        => output.Problem is null
            ? null
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{command}: {output.Problem}: {Printable.Escape(output.Complaint, MaxComplaintLength)}");
}
