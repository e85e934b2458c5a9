using System.Text;

namespace HostBridge.Doctor;

/// <summary>An examination for people.</summary>
internal static class ExaminationText
{
    private const string Indent = "         ";

    /// <summary>Every finding that matters in full, the others in a line, and what a failover will do.</summary>
    public static string Write(Examination examination)
    {
        var text = new StringBuilder();
        text.Append(FormattableString.Invariant(
            $"{examination.Count(FindingLevel.Danger)} dangers, {examination.Count(FindingLevel.Warning)} warnings, {examination.Count(FindingLevel.Fine)} fine, {examination.Count(FindingLevel.NotChecked)} not checked\n"));
        WriteGaps(text, examination);
        foreach (IGrouping<Rule, RuledFinding> ruled in examination.Findings
            .Where(one => one.Finding.Level >= FindingLevel.Warning && !IsGap(one, examination))
            .GroupBy(one => one.Rule))
        {
            WriteRule(text, ruled.Key, [.. ruled.Select(one => one.Finding)]);
        }

        WritePredictions(text, examination);
        WriteOthers(text, examination);
        return text.ToString();
    }

    /// <summary>The commands alone, each after a comment that says what it mends.</summary>
    public static string WriteFix(Examination examination)
    {
        var text = new StringBuilder("# Nothing was changed. Read each command before you run it.\n");
        foreach ((Rule rule, Finding finding) in examination.Findings.Where(one => one.Finding.Fix.Count > 0))
        {
            text.Append(FormattableString.Invariant($"\n# {rule.Name}: {finding.Subject}: {finding.Found}\n"));
            text.AppendJoin('\n', finding.Fix).Append('\n');
        }

        return text.ToString();
    }

    private static void WriteGaps(StringBuilder text, Examination examination)
    {
        if (examination.Gaps.Count > 0)
        {
            text.Append("\nNot looked at:\n");
            foreach (Gap gap in examination.Gaps)
            {
                text.Append(FormattableString.Invariant($"  {gap.Reason}\n"));
            }
        }
    }

    private static void WriteRule(StringBuilder text, Rule rule, IReadOnlyList<Finding> findings)
    {
        text.Append('\n');
        foreach (Finding finding in findings)
        {
            string level = finding.Level == FindingLevel.Danger ? "danger " : "warning";
            text.Append(FormattableString.Invariant($"{level}  {rule.Name}: {finding.Subject}: {finding.Found}\n"));
            if (finding.Meaning.Length > 0)
            {
                text.Append(FormattableString.Invariant($"{Indent}{finding.Meaning}\n"));
            }
        }

        string real = rule.IsReal ? "real" : "not real";
        text.Append(FormattableString.Invariant($"{Indent}advice   {rule.Advice}\n"));
        text.Append(FormattableString.Invariant($"{Indent}{real,-8} {rule.Truth}\n"));
        text.Append(FormattableString.Invariant($"{Indent}instead  {rule.Instead}\n"));
    }

    private static void WritePredictions(StringBuilder text, Examination examination)
    {
        text.Append("\nWhat happens when all storage of a guest is gone for a time:\n");
        if (examination.Predictions.Count == 0)
        {
            text.Append("  no guest was found, running or defined\n");
        }

        foreach (Prediction one in examination.Predictions)
        {
            text.Append(FormattableString.Invariant(
                $"  {one.Guest}, {one.FailoverSeconds} s: {OutcomeName(one.Outcome)}: {one.Text}\n"));
        }
    }

    private static void WriteOthers(StringBuilder text, Examination examination)
    {
        text.Append("\nEvery other piece of advice:\n");
        foreach (IGrouping<Rule, RuledFinding> ruled in examination.Findings
            .Where(one => one.Finding.Level < FindingLevel.Warning)
            .GroupBy(one => one.Rule))
        {
            int fine = ruled.Count(one => one.Finding.Level == FindingLevel.Fine);
            Finding first = ruled.First().Finding;
            string what = ruled.Count() == 1
                ? $"{first.Subject}: {first.Found}"
                : FormattableString.Invariant($"{fine} fine, {ruled.Count() - fine} not checked");
            string level = fine > 0 ? "fine" : "not checked";
            text.Append(FormattableString.Invariant($"  {level,-11}  {ruled.Key.Name}: {what}\n"));
        }
    }

    /// <summary>A word for an outcome.</summary>
    public static string OutcomeName(FailoverOutcome outcome) => outcome switch
    {
        FailoverOutcome.Unaffected => "unaffected",
        FailoverOutcome.Stalls => "lives",
        FailoverOutcome.AtRisk => "at risk",
        FailoverOutcome.Dies => "dies",
        _ => "not known",
    };

    /// <summary>A gap is said once, at the top, and not once more for every rule.</summary>
    private static bool IsGap(RuledFinding one, Examination examination)
        => examination.Gaps.Any(gap => gap.Part == one.Rule.Part && gap.Reason == one.Finding.Found);
}
