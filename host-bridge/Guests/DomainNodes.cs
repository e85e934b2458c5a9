using System.Globalization;
using System.Text;
using HostBridge.Recovery;

namespace HostBridge.Guests;

/// <summary>Reads what the toolstack and the backends say of a domain. Pure.</summary>
internal static class DomainNodes
{
    private const string VmPrefix = "/vm/";
    private const int UuidLength = 36;
    private const int MaxNameLength = 64;

    /// <summary>
    /// The uuid in the node <c>vm</c>: <c>/vm/UUID</c>, or <c>/vm/UUID-1</c> as xend writes after a restart; null
    /// when it is neither.
    /// </summary>
    public static Guid? ParseVm(byte[]? value)
    {
        string text = Encoding.ASCII.GetString(value ?? []);
        if (!text.StartsWith(VmPrefix, StringComparison.Ordinal) || text.Length < VmPrefix.Length + UuidLength)
        {
            return null;
        }

        string rest = text[(VmPrefix.Length + UuidLength)..];
        bool plainOrNumbered = rest.Length == 0
            || (rest.Length > 1 && rest[0] == '-' && rest.AsSpan(1).IndexOfAnyExceptInRange('0', '9') < 0);
        return plainOrNumbered
            && Guid.TryParseExact(text.AsSpan(VmPrefix.Length, UuidLength), "D", out Guid uuid)
            && uuid != Guid.Empty
                ? uuid
                : null;
    }

    /// <summary>The name for people, made printable; the domain's number when there is none.</summary>
    public static string ParseName(byte[]? value, DomainId domain)
        => value is { Length: > 0 }
            ? Printable.Escape(Encoding.UTF8.GetString(value), MaxNameLength)
            : $"domain-{domain}";

    /// <summary>
    /// The number in a child's name of <c>/local/domain</c>; null for Dom0 and for what is no number.
    /// </summary>
    public static DomainId? ParseDomainId(string name)
        => int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && number is > 0 and <= ushort.MaxValue
                ? new DomainId(number)
                : null;
}
