namespace HostBridge.Doctor;

/// <summary>How bad a finding is; the worst of them is the exit code.</summary>
internal enum FindingLevel
{
    /// <summary>As it should be, or not there at all.</summary>
    Fine = 0,

    /// <summary>This host has no such part, so there is nothing to check.</summary>
    NotChecked,

    /// <summary>It helps nobody, or hurts in some failovers.</summary>
    Warning,

    /// <summary>It kills guests or destroys data.</summary>
    Danger,
}

/// <summary>What was found for a rule, at one place.</summary>
/// <param name="Level">How bad it is.</param>
/// <param name="Subject">The file, device, session or guest.</param>
/// <param name="Found">The value found there, or that none is.</param>
internal sealed record Finding(FindingLevel Level, string Subject, string Found)
{
    /// <summary>What this value means here; empty when the rule says everything.</summary>
    public string Meaning { get; init; } = string.Empty;

    /// <summary>The commands that mend it, one a line, for a shell; none when nothing is to be mended.</summary>
    public IReadOnlyList<string> Fix { get; init; } = [];

    /// <summary>As it should be.</summary>
    public static Finding Fine(string subject, string found) => new(FindingLevel.Fine, subject, found);

    /// <summary>Hurts in some failovers, or helps nobody.</summary>
    public static Finding Warning(string subject, string found, string meaning, params IReadOnlyList<string> fix)
        => new(FindingLevel.Warning, subject, found) { Meaning = meaning, Fix = fix };

    /// <summary>Kills guests or destroys data.</summary>
    public static Finding Danger(string subject, string found, string meaning, params IReadOnlyList<string> fix)
        => new(FindingLevel.Danger, subject, found) { Meaning = meaning, Fix = fix };
}
