namespace Protocol.Configuration;

/// <summary>A kind of value: how it is read and written, and how a person is told what is allowed.</summary>
/// <typeparam name="TValue">What it is in the program.</typeparam>
public abstract class ValueKind<TValue>
{
    /// <summary>What may be written, to follow "write": <c>observe or recover</c>.</summary>
    public abstract string Allowed { get; }

    /// <summary>The words that may be written, where there are few; else empty.</summary>
    public virtual IReadOnlyList<string> Words => [];

    /// <summary>What stands between two values, where there may be several; else null.</summary>
    public virtual char? Separator => null;

    /// <summary>Reads a value.</summary>
    /// <param name="text">As somebody wrote it; not empty.</param>
    /// <param name="value">The value, when it is good.</param>
    /// <returns>Null when it is good; else the part of it that is not.</returns>
    public abstract string? Read(string text, out TValue value);

    /// <summary>A value as a person would write it; reading that gives the value again.</summary>
    public abstract string Write(TValue value);
}
