namespace Protocol.Configuration;

/// <summary>One <c>key = value</c> of a file or of the command line.</summary>
/// <param name="Section">The section it stands in, without brackets; empty before the first one.</param>
/// <param name="Key">The key in lower case.</param>
/// <param name="Text">The value as it was written; empty: what earlier files say is taken back.</param>
/// <param name="Origin">Where it stands.</param>
public sealed record Setting(string Section, string Key, string Text, SettingOrigin Origin)
{
    /// <summary>The first word of the section, which says what kind of section it is.</summary>
    public string SectionKind => SectionHeader.KindOf(Section);

    /// <summary>The key, with its section where it has one, for a person.</summary>
    public string Subject => Section.Length == 0 ? Key : $"[{Section}] {Key}";
}

/// <summary>The beginning of a section in a file.</summary>
/// <param name="Name">Its name, without brackets and with single spaces.</param>
/// <param name="Origin">Where it stands.</param>
public sealed record SectionHeader(string Name, SettingOrigin Origin)
{
    /// <summary>The first word of a section's name, which says what kind of section it is.</summary>
    public static string KindOf(string section)
    {
        int space = section.IndexOf(' ', StringComparison.Ordinal);
        return space < 0 ? section : section[..space];
    }

    /// <summary>The words after the first, which name the thing that the section is of; empty for none.</summary>
    public static string ThingOf(string section) => section[KindOf(section).Length..].TrimStart();
}

/// <summary>What one file says.</summary>
/// <param name="Path">Its path.</param>
/// <param name="Sections">Its sections, in its order; one that is begun twice stands here twice.</param>
/// <param name="Settings">Its settings, in its order.</param>
/// <param name="Problems">What in it is no setting at all.</param>
public sealed record IniDocument(
    string Path,
    IReadOnlyList<SectionHeader> Sections,
    IReadOnlyList<Setting> Settings,
    IReadOnlyList<ConfigurationProblem> Problems)
{
    /// <summary>The largest file that is read, in bytes.</summary>
    public const int MaxFileBytes = 1024 * 1024;

    /// <summary>Why what the file or folder says is not known; null when it was read, or has a mistake.</summary>
    public FileFault? Fault { get; init; }

    /// <summary>A file of which nothing can be read, by a mistake of the administrator.</summary>
    public static IniDocument Unreadable(string path, string problem)
        => new(path, [], [], [new ConfigurationProblem(SettingOrigin.File(path, 0), null, problem)]);

    /// <summary>A file or folder that could not be read, by no mistake of the administrator.</summary>
    public static IniDocument Faulty(string path, int errno, string failure)
        => new(path, [], [], []) { Fault = new FileFault(path, errno, failure) };
}
