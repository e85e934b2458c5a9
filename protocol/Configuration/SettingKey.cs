namespace Protocol.Configuration;

/// <summary>
/// One key of the configuration: its name, what is allowed, what it means, and where its value lies in the program. A
/// table of these is the one place where keys are; its defaults are those of the record itself.
/// </summary>
/// <typeparam name="T">The record that holds the value.</typeparam>
/// <param name="Name">Its name: lower-case words with hyphens.</param>
/// <param name="Description">What it means, for a person; one sentence with its full stop.</param>
public abstract record SettingKey<T>(string Name, string Description)
    where T : class
{
    /// <summary>
    /// The kind of section it stands in, which is the section's first word; empty before the first section of a file.
    /// </summary>
    public string Section { get; init; } = string.Empty;

    /// <summary>Whether a running program goes on with the value that it started with.</summary>
    public bool NeedsStart { get; init; }

    /// <summary>How the help of the option of this name calls the value; null when there is no such option.</summary>
    public string? OptionValue { get; init; }

    /// <summary>What may be written, to follow "write".</summary>
    public abstract string Allowed { get; }

    /// <summary>The words that may be written, where there are few; else empty.</summary>
    public abstract IReadOnlyList<string> Words { get; }

    /// <summary>What stands between two values, where there may be several; else null.</summary>
    public abstract char? Separator { get; }

    /// <summary>The value that a record holds, as a person would write it.</summary>
    public abstract string ValueIn(T settings);

    /// <summary>Sets the value in a record. Returns null, or what is wrong with the text, for a person.</summary>
    public abstract string? TrySet(ref T settings, string text);

    /// <summary>A record with the value that another one holds.</summary>
    public abstract T Copy(T settings, T from);

    /// <summary>The same key of a record that holds this one.</summary>
    /// <typeparam name="TOuter">The record around.</typeparam>
    /// <param name="inner">Reads the record that this key is of.</param>
    /// <param name="with">A record around another one.</param>
    public abstract SettingKey<TOuter> Of<TOuter>(Func<TOuter, T> inner, Func<TOuter, T, TOuter> with)
        where TOuter : class;
}

/// <summary>One key of the configuration, with the kind of its value.</summary>
/// <typeparam name="T">The record that holds the value.</typeparam>
/// <typeparam name="TValue">What the value is in the program.</typeparam>
/// <param name="Name">Its name.</param>
/// <param name="Kind">The kind of its value.</param>
/// <param name="Get">Reads the value from a record.</param>
/// <param name="Set">A record with another value.</param>
/// <param name="Description">What it means.</param>
public sealed record SettingKey<T, TValue>(
    string Name, ValueKind<TValue> Kind, Func<T, TValue> Get, Func<T, TValue, T> Set, string Description)
    : SettingKey<T>(Name, Description)
    where T : class
{
    /// <inheritdoc/>
    public override string Allowed => Kind.Allowed;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Words => Kind.Words;

    /// <inheritdoc/>
    public override char? Separator => Kind.Separator;

    /// <inheritdoc/>
    public override string ValueIn(T settings) => Kind.Write(Get(settings));

    /// <inheritdoc/>
    public override string? TrySet(ref T settings, string text)
    {
        if (Kind.Read(text, out TValue value) is not { } wrong)
        {
            settings = Set(settings, value);
            return null;
        }

        string comment = text.Contains(" #", StringComparison.Ordinal) || text.Contains(" ;", StringComparison.Ordinal)
            ? " (a comment needs a line of its own)"
            : string.Empty;
        return $"{ConfigurationProblem.Quote(wrong)} is not allowed; write {Kind.Allowed}{comment}";
    }

    /// <inheritdoc/>
    public override T Copy(T settings, T from) => Set(settings, Get(from));

    /// <inheritdoc/>
    public override SettingKey<TOuter> Of<TOuter>(Func<TOuter, T> inner, Func<TOuter, T, TOuter> with)
        => new SettingKey<TOuter, TValue>(
            Name,
            Kind,
            outer => Get(inner(outer)),
            (outer, value) => with(outer, Set(inner(outer), value)),
            Description)
        {
            Section = Section,
            NeedsStart = NeedsStart,
            OptionValue = OptionValue,
        };
}
