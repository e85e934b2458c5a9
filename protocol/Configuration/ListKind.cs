namespace Protocol.Configuration;

/// <summary>Several values, one after another; <c>none</c> is no value at all.</summary>
/// <typeparam name="T">What one of them is in the program.</typeparam>
/// <param name="one">The kind of one of them.</param>
/// <param name="separator">What stands between two of them: a comma or a space.</param>
/// <param name="named">What they are, to follow "write": <c>absolute paths</c>.</param>
/// <param name="hasNone">Whether there may be none.</param>
public sealed class ListKind<T>(ValueKind<T> one, char separator, string named, bool hasNone = true)
    : ValueKind<IReadOnlyList<T>>
{
    /// <summary>So many values a list may have.</summary>
    public const int MaxCount = 256;

    private const string None = "none";

    /// <inheritdoc/>
    public override string Allowed
        => $"{named}, separated by {(separator == ' ' ? "spaces" : "commas")}{(hasNone ? ", or none" : string.Empty)}";

    /// <inheritdoc/>
    public override char? Separator => separator;

    /// <inheritdoc/>
    public override string? Read(string text, out IReadOnlyList<T> value)
    {
        var values = new List<T>();
        value = values;
        if (hasNone && text == None)
        {
            return null;
        }

        StringSplitOptions options = StringSplitOptions.TrimEntries
            | (separator == ' ' ? StringSplitOptions.RemoveEmptyEntries : StringSplitOptions.None);
        string[] parts = text.Split(separator, options);
        if (parts.Length is 0 or > MaxCount)
        {
            return text;
        }

        foreach (string part in parts)
        {
            if (part.Length == 0 || one.Read(part, out T item) is not null)
            {
                return part;
            }

            values.Add(item);
        }

        return null;
    }

    /// <inheritdoc/>
    public override string Write(IReadOnlyList<T> value)
        => value.Count == 0 ? None : string.Join(separator == ' ' ? " " : ", ", value.Select(one.Write));
}
