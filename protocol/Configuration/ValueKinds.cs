using System.Globalization;
using Protocol.Health;

namespace Protocol.Configuration;

/// <summary><c>true</c> or <c>false</c>; <c>yes</c> and <c>no</c> are the same.</summary>
public sealed class SwitchKind : ValueKind<bool>
{
    /// <inheritdoc/>
    public override string Allowed => "true or false";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Words => ["true", "false"];

    /// <inheritdoc/>
    public override string? Read(string text, out bool value)
    {
        value = text is "true" or "yes";
        return value || text is "false" or "no" ? null : text;
    }

    /// <inheritdoc/>
    public override string Write(bool value) => value ? "true" : "false";
}

/// <summary>One word of an enumeration, in the spelling of <see cref="KebabNames{T}"/>.</summary>
/// <typeparam name="T">The enumeration.</typeparam>
public sealed class ChoiceKind<T> : ValueKind<T>
    where T : struct, Enum
{
    private readonly KebabNames<T> _names = new();

    /// <inheritdoc/>
    public override string Allowed => $"{string.Join(", ", Words.SkipLast(1))} or {Words[^1]}";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Words => [.. _names.All];

    /// <inheritdoc/>
    public override string? Read(string text, out T value) => _names.TryParse(text, out value) ? null : text;

    /// <inheritdoc/>
    public override string Write(T value) => _names.ToName(value);
}

/// <summary>A whole number.</summary>
/// <param name="least">The least that is allowed; not negative.</param>
/// <param name="most">The most that is allowed.</param>
public sealed class CountKind(int least, int most) : ValueKind<int>
{
    /// <inheritdoc/>
    public override string Allowed => $"a whole number from {least} to {most}";

    /// <inheritdoc/>
    public override string? Read(string text, out int value)
        => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value)
            && value >= least && value <= most ? null : text;

    /// <inheritdoc/>
    public override string Write(int value) => value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A span of time as whole seconds, of a key whose name ends in <c>-seconds</c>.</summary>
/// <param name="least">The least that is allowed, in seconds.</param>
/// <param name="most">The most that is allowed, in seconds.</param>
public sealed class SecondsKind(int least, int most) : ValueKind<TimeSpan>
{
    private readonly CountKind _count = new(least, most);

    /// <inheritdoc/>
    public override string Allowed => $"{least} to {most} seconds, as a whole number";

    /// <inheritdoc/>
    public override string? Read(string text, out TimeSpan value)
    {
        string? wrong = _count.Read(text, out int seconds);
        value = TimeSpan.FromSeconds(seconds);
        return wrong;
    }

    /// <inheritdoc/>
    public override string Write(TimeSpan value) => _count.Write((int)value.TotalSeconds);
}

/// <summary>A span of time with its unit, in the form of <see cref="SpanText"/>.</summary>
/// <param name="least">The least that is allowed.</param>
/// <param name="most">The most that is allowed.</param>
public sealed class SpanKind(TimeSpan least, TimeSpan most) : ValueKind<TimeSpan>
{
    /// <inheritdoc/>
    public override string Allowed
        => $"a time from {SpanText.Write(least)} to {SpanText.Write(most)}, like 30s, 5min or 1h 30min";

    /// <inheritdoc/>
    public override string? Read(string text, out TimeSpan value)
        => SpanText.TryParse(text, out value) && value >= least && value <= most ? null : text;

    /// <inheritdoc/>
    public override string Write(TimeSpan value) => SpanText.Write(value);
}

/// <summary>An absolute path.</summary>
/// <param name="hasNone">Whether there may be none, which is null.</param>
public sealed class PathKind(bool hasNone = false) : ValueKind<string?>
{
    private const string None = "none";

    /// <inheritdoc/>
    public override string Allowed => $"an absolute path, which begins with /{(hasNone ? ", or none" : string.Empty)}";

    /// <inheritdoc/>
    public override string? Read(string text, out string? value)
    {
        value = hasNone && text == None ? null : text;
        return value is null or ['/', ..] ? null : text;
    }

    /// <inheritdoc/>
    public override string Write(string? value) => value ?? None;
}
