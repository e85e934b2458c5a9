using System.Globalization;
using System.Text.RegularExpressions;
using HostBridge.Recovery;

namespace HostBridge.Toolstacks.Parsing;

/// <summary>A domain as the hypervisor knows it, in a line of <c>xl list -v</c>.</summary>
/// <param name="Domain">Its number; 0 is Dom0.</param>
/// <param name="Uuid">The uuid that it was created with.</param>
/// <param name="Name">Its name; <c>(null)</c> when xenstore has none any more.</param>
internal sealed record XlDomain(DomainId Domain, Guid Uuid, string Name)
{
    /// <summary>Whether somebody paused it, or is still making it.</summary>
    public bool IsPaused { get; init; }

    /// <summary>Whether its kernel has shut down, rebooted or crashed; xl acts on that.</summary>
    public bool IsShutDown { get; init; }

    /// <summary>Whether it is being destroyed: it runs no more, but its memory and I/O are not all gone.</summary>
    public bool IsDying { get; init; }
}

/// <summary>Reads <c>xl list -v</c> (xen/tools/xl/xl_list.c): the hypervisor's own list, dying domains among them.</summary>
internal static partial class XlDomainList
{
    private const int MaxDomains = 32752;

    /// <summary>Every domain; null when any line is not as expected, as then none can be said to be gone.</summary>
    public static IReadOnlyList<XlDomain>? Parse(string text)
    {
        string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length is 0 or > MaxDomains || !lines[0].StartsWith("Name ", StringComparison.Ordinal)
            || !lines[0].Contains("UUID", StringComparison.Ordinal))
        {
            return null;
        }

        var domains = new List<XlDomain>();
        foreach (string line in lines.Skip(1))
        {
            if (ParseLine(line) is not { } domain)
            {
                return null;
            }

            domains.Add(domain);
        }

        // This domain itself is always there; without it the list is cut or of something else.
        return domains.Exists(domain => domain.Domain.Value == 0) ? domains : null;
    }

    private static XlDomain? ParseLine(string line)
    {
        Match match = LinePattern().Match(line);
        if (!match.Success
            || !int.TryParse(match.Groups["id"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int id)
            || !Guid.TryParseExact(match.Groups["uuid"].ValueSpan, "D", out Guid uuid))
        {
            return null;
        }

        string state = match.Groups["state"].Value;
        return new XlDomain(new DomainId(id), uuid, match.Groups["name"].Value.TrimEnd())
        {
            IsPaused = state[2] == 'p',
            IsShutDown = state[3] == 's',
            IsDying = state[5] == 'd',
        };
    }

    // Name, ID, Mem, VCPUs, State (running, blocked, paused, shut down, why it shut down, dying), Time, UUID, reason,
    // label. The fifth letter of the state is one of -rscwS (power-off, reboot, suspend, crash, watchdog, soft reset:
    // shutdown_reason_letters in xl_list.c), or ? for a reason that xl does not know.
    [GeneratedRegex(
        @"^(?<name>.+?) +(?<id>\d{1,5}) +\d+ +\d+ +(?<state>[r-][b-][p-][s-][-rscwS?][d-]) +\d+\.\d (?<uuid>[0-9a-f-]{36})( .*)?$",
        RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex LinePattern();
}
