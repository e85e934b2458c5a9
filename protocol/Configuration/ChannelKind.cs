using System.Buffers;

namespace Protocol.Configuration;

/// <summary>
/// A console channel by its name, or by the path of its terminal; <c>none</c> is null. xl takes neither comma, equals
/// sign nor quote in a channel's name (xl.cfg(5)).
/// </summary>
/// <param name="allowed">What may be written, to follow "write".</param>
public sealed class ChannelKind(string allowed) : ValueKind<string?>
{
    private const string None = "none";
    private const int MaxLength = 128;

    private static readonly SearchValues<char> Forbidden = SearchValues.Create(",=\"' ");

    /// <inheritdoc/>
    public override string Allowed => allowed;

    /// <inheritdoc/>
    public override string? Read(string text, out string? value)
    {
        value = text == None ? null : text;
        return text.Length is > 0 and <= MaxLength && !text.AsSpan().ContainsAny(Forbidden) ? null : text;
    }

    /// <inheritdoc/>
    public override string Write(string? value) => value ?? None;
}
