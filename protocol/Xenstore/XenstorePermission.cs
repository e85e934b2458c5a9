using System.Globalization;

namespace Protocol.Xenstore;

/// <summary>What a domain may do with a node.</summary>
[Flags]
public enum XenstoreAccess
{
    /// <summary>Nothing (<c>n</c>).</summary>
    None = 0,

    /// <summary>Read (<c>r</c>).</summary>
    Read = 1,

    /// <summary>Write (<c>w</c>).</summary>
    Write = 2,

    /// <summary>Both (<c>b</c>).</summary>
    Both = Read | Write,
}

/// <summary>
/// One entry of a node's permissions, such as <c>r5</c>. The first entry of a node is special: its domain owns the
/// node and may do everything, and its access holds for every domain that no other entry names.
/// </summary>
/// <param name="Access">What it allows.</param>
/// <param name="DomainId">Whom: 0 to <see cref="XenstoreLimits.MaxDomainId"/>.</param>
public readonly record struct XenstorePermission(XenstoreAccess Access, int DomainId)
{
    private const string Letters = "nrwb";

    /// <summary>Reads an entry; false when it is not one letter of <c>n r w b</c> and a domain id.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out XenstorePermission permission)
    {
        permission = default;
        int access = text.IsEmpty ? -1 : Letters.IndexOf(text[0], StringComparison.Ordinal);
        if (access < 0
            || !int.TryParse(text[1..], NumberStyles.None, CultureInfo.InvariantCulture, out int domainId)
            || domainId > XenstoreLimits.MaxDomainId)
        {
            return false;
        }

        permission = new XenstorePermission((XenstoreAccess)access, domainId);
        return true;
    }

    /// <summary>The entry as on the wire, such as <c>n0</c>.</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Letters[(int)Access]}{DomainId}");
}
