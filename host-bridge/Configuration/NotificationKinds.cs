using HostBridge.Notifications.Wording;
using Protocol.Configuration;

namespace HostBridge.Configuration;

/// <summary>A mail address, alone.</summary>
internal sealed class MailAddressKind : ValueKind<string>
{
    /// <inheritdoc/>
    public override string Allowed => "an address without a name, like root or admin@example.org";

    /// <inheritdoc/>
    public override string? Read(string text, out string value)
    {
        value = text;
        return MailText.IsAddress(text) ? null : text;
    }

    /// <inheritdoc/>
    public override string Write(string value) => value;
}

/// <summary>A text with names in braces.</summary>
internal sealed class TemplateKind : ValueKind<string>
{
    /// <inheritdoc/>
    public override string Allowed
        => $"a text in which {string.Join(", ", MessageFields.Names.Select(name => $"{{{name}}}"))} are filled in, "
            + "and {{ and }} for braces";

    /// <inheritdoc/>
    public override string? Read(string text, out string value)
    {
        value = text;
        return text.Any(char.IsControl) || MessageTemplate.TryParse(text, out _) is null ? text : null;
    }

    /// <inheritdoc/>
    public override string Write(string value) => value;
}
