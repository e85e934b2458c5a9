namespace Protocol.Configuration;

/// <summary>A kind of section that a program knows.</summary>
/// <param name="Word">Its first word.</param>
/// <param name="Thing">What the words after it name, for a person: <c>NAME-OR-UUID</c>; null: nothing may follow.</param>
public sealed record SectionKind(string Word, string? Thing = null)
{
    /// <summary>How it is written, for a person.</summary>
    public string Form => Thing is null ? $"[{Word}]" : $"[{Word} {Thing}]";
}

/// <summary>The sections that a program knows. Tells of those it does not know, and leaves out what stands in them.</summary>
/// <param name="kinds">Every kind; the part of a file before its first section is always known.</param>
public sealed class SectionKinds(IReadOnlyList<SectionKind> kinds)
{
    /// <summary>The settings of files that stand in a section that is known, in their order.</summary>
    /// <param name="files">The files, in their order.</param>
    /// <param name="problems">What is wrong with files and sections is added here.</param>
    public IReadOnlyList<Setting> SettingsOf(
        IReadOnlyList<IniDocument> files, ICollection<ConfigurationProblem> problems)
    {
        var settings = new List<Setting>();
        foreach (IniDocument file in files)
        {
            foreach (ConfigurationProblem problem in file.Problems)
            {
                problems.Add(problem);
            }

            foreach (SectionHeader header in file.Sections)
            {
                if (WhyNot(header.Name) is { } why)
                {
                    problems.Add(new ConfigurationProblem(
                        header.Origin, null, $"{ConfigurationProblem.Quote($"[{header.Name}]")} {why}"));
                }
            }

            settings.AddRange(file.Settings.Where(one => one.Section.Length == 0 || WhyNot(one.Section) is null));
        }

        return settings;
    }

    private string? WhyNot(string section)
    {
        string word = SectionHeader.KindOf(section);
        string thing = SectionHeader.ThingOf(section);
        if (kinds.FirstOrDefault(kind => kind.Word == word) is { } known)
        {
            return known.Thing is not null == thing.Length > 0 ? null : $"is no section; write {known.Form}";
        }

        if (kinds.Count == 0)
        {
            return "is no section; there are none here, remove it and what stands in it";
        }

        string? near = NearestWord.Of(word.ToLowerInvariant(), kinds.Select(kind => kind.Word));
        return near is null
            ? $"is no section; write {string.Join(" or ", kinds.Select(kind => kind.Form))}"
            : $"is no section; did you mean [{near}{(thing.Length > 0 ? $" {Printable(thing)}" : string.Empty)}]?";
    }

    private static string Printable(string thing) => ConfigurationProblem.Quote(thing).Trim('"');
}
