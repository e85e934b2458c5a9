namespace HostBridge.Doctor;

/// <summary>A rule and what was found for it.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="Finding">What was found.</param>
internal sealed record RuledFinding(Rule Rule, Finding Finding);

/// <summary>What an examination of a host found.</summary>
/// <param name="Findings">At least one for every rule, the worst first.</param>
/// <param name="Predictions">One for every guest and failover.</param>
/// <param name="Gaps">What could not be looked at.</param>
internal sealed record Examination(
    IReadOnlyList<RuledFinding> Findings, IReadOnlyList<Prediction> Predictions, IReadOnlyList<Gap> Gaps)
{
    /// <summary>Every rule, in the order of reports.</summary>
    public static IReadOnlyList<Rule> Rules { get; } =
        [.. IscsiRules.All, .. BlockRules.All, .. GuestRules.All, .. HostRules.All, .. ScriptRules.All];

    /// <summary>The exit code: 0 fine, 1 warnings, 2 dangers.</summary>
    public int ExitCode => Findings.Select(one => one.Finding.Level).DefaultIfEmpty().Max() switch
    {
        FindingLevel.Danger => 2,
        FindingLevel.Warning => 1,
        _ => 0,
    };

    /// <summary>Holds every rule against a host.</summary>
    public static Examination Of(Audit audit)
        => new(
            [
                .. Rules.SelectMany(rule => FindingsOf(rule, audit).Select(finding => new RuledFinding(rule, finding)))
                    .OrderByDescending(one => one.Finding.Level),
            ],
            [
                .. from guest in audit.Host.Guests
                   from seconds in audit.FailoverSeconds
                   select Prediction.Of(guest, audit.Host, seconds),
            ],
            audit.Host.Gaps);

    /// <summary>How many findings are of a level.</summary>
    public int Count(FindingLevel level) => Findings.Count(one => one.Finding.Level == level);

    private static List<Finding> FindingsOf(Rule rule, Audit audit)
    {
        List<Finding> findings = [.. rule.Check(audit)];
        findings.AddRange(audit.Host.Gaps.Where(gap => gap.Part == rule.Part).Select(gap
            => new Finding(gap.IsRefused ? FindingLevel.Warning : FindingLevel.NotChecked, "this host", gap.Reason)
            {
                Meaning = gap.IsRefused ? "it is there, but was not checked" : string.Empty,
            }));
        return findings.Count > 0 ? findings : [Finding.Fine("this host", "not found")];
    }
}
