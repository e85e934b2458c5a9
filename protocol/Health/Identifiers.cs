namespace Protocol.Health;

/// <summary>
/// The kernel's name for one boot, from <c>/proc/sys/kernel/random/boot_id</c>: 36 lower-case characters of
/// hexadecimal digits and dashes. Two reports with different boot ids come from different lives of a guest.
/// </summary>
public readonly record struct BootId
{
    private const int Length = 36;

    private readonly string? _text;

    private BootId(string text) => _text = text;

    /// <summary>Whether no boot id is known.</summary>
    public bool IsNone => _text is null;

    /// <summary>Reads a boot id; false when it does not look like one.</summary>
    public static bool TryParse(string text, out BootId bootId)
    {
        bool valid = text.Length == Length
            && text.All(letter => letter == '-' || char.IsAsciiHexDigitLower(letter) || char.IsAsciiDigit(letter));
        bootId = valid ? new BootId(text) : default;
        return valid;
    }

    /// <summary>The text; empty when none is known.</summary>
    public override string ToString() => _text ?? string.Empty;
}

/// <summary>
/// The name of one request, chosen by the host: 1 to 40 characters of <c>a-z 0-9 -</c>. A guest that sees the same
/// id again does nothing again.
/// </summary>
public readonly record struct RequestId
{
    private const int MaxLength = 40;

    private readonly string? _text;

    private RequestId(string text) => _text = text;

    /// <summary>Whether no request is meant.</summary>
    public bool IsNone => _text is null;

    /// <summary>Reads an id; false when it has other characters or a wrong length.</summary>
    public static bool TryParse(string text, out RequestId id)
    {
        bool valid = text.Length is > 0 and <= MaxLength
            && text.All(letter => letter == '-' || char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter));
        id = valid ? new RequestId(text) : default;
        return valid;
    }

    /// <summary>The text; empty for none.</summary>
    public override string ToString() => _text ?? string.Empty;
}
