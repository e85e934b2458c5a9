using System.Text;

namespace Protocol.Xenstore;

/// <summary>Why xenstore refused a request, by the names on the wire.</summary>
public enum XenstoreError
{
    /// <summary>It did not.</summary>
    None = 0,

    /// <summary>The path or another argument is malformed.</summary>
    EINVAL,

    /// <summary>Permission denied.</summary>
    EACCES,

    /// <summary>It is already there, for example the same watch.</summary>
    EEXIST,

    /// <summary>Not a value.</summary>
    EISDIR,

    /// <summary>No such node, or none that may be seen.</summary>
    ENOENT,

    /// <summary>The daemon has no memory left for this domain.</summary>
    ENOMEM,

    /// <summary>A quota is used up (nodes, watches, node size).</summary>
    ENOSPC,

    /// <summary>The daemon failed; also any name that is not known here.</summary>
    EIO,

    /// <summary>The node has children.</summary>
    ENOTEMPTY,

    /// <summary>The daemon does not know this operation.</summary>
    ENOSYS,

    /// <summary>The store is read-only.</summary>
    EROFS,

    /// <summary>Busy, for example a transaction inside a transaction.</summary>
    EBUSY,

    /// <summary>Try again: something changed meanwhile.</summary>
    EAGAIN,

    /// <summary>Already connected.</summary>
    EISCONN,

    /// <summary>The answer or the value does not fit.</summary>
    E2BIG,

    /// <summary>Not permitted for this connection.</summary>
    EPERM,

    /// <summary>A quota is used up, as oxenstored says it.</summary>
    EQUOTA,
}

/// <summary>The names of errors on the wire.</summary>
public static class XenstoreErrorName
{
    private static readonly Dictionary<string, XenstoreError> Errors = Enum.GetValues<XenstoreError>()
        .Where(error => error != XenstoreError.None)
        .ToDictionary(error => error.ToString(), StringComparer.Ordinal);

    /// <summary>
    /// Reads a name such as <c>ENOENT</c>, without its NUL; an unknown one is <see cref="XenstoreError.EIO"/>.
    /// </summary>
    public static XenstoreError Parse(ReadOnlySpan<byte> name) => Parse(Encoding.ASCII.GetString(name));

    /// <inheritdoc cref="Parse(ReadOnlySpan{byte})"/>
    public static XenstoreError Parse(string name) => Errors.GetValueOrDefault(name, XenstoreError.EIO);
}
