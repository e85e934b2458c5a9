using System.Globalization;
using System.Text;

namespace Protocol.Xenstore;

/// <summary>
/// One request, ready to be put on the wire. Only what the product needs can be made: no transactions, nothing that
/// introduces, releases or resets. A malformed argument is a mistake of the caller and throws
/// <see cref="ArgumentException"/>; what comes from outside is checked with <see cref="XenstorePath"/> before.
/// </summary>
public readonly struct XenstoreRequest
{
    // The payload of every request is: first, NUL, [second, NUL,] value. The value has no NUL of its own.
    private readonly string _first;
    private readonly string? _second;
    private readonly ReadOnlyMemory<byte> _value;

    internal XenstoreRequest(
        XenstoreOperation operation,
        string first,
        string? second = null,
        ReadOnlyMemory<byte> value = default)
    {
        Operation = operation;
        _first = first;
        _second = second;
        _value = value;
    }

    /// <summary>The message type.</summary>
    public XenstoreOperation Operation { get; }

    /// <summary>The length of the payload.</summary>
    public int PayloadSizeBytes => _first.Length + 1 + (_second is null ? 0 : _second.Length + 1) + _value.Length;

    /// <summary>The length of the whole message.</summary>
    public int SizeBytes => XenstoreLimits.HeaderSizeBytes + PayloadSizeBytes;

    /// <summary>The names of the children of a node.</summary>
    public static XenstoreRequest Directory(string path) => new(XenstoreOperation.Directory, Checked(path));

    /// <summary>A part of the names of the children of a node.</summary>
    /// <param name="path">The node.</param>
    /// <param name="offset">How many bytes of the list are there already.</param>
    public static XenstoreRequest DirectoryPart(string path, int offset)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        string text = offset.ToString(CultureInfo.InvariantCulture);
        return new XenstoreRequest(XenstoreOperation.DirectoryPart, Checked(path), text);
    }

    /// <summary>The value of a node.</summary>
    public static XenstoreRequest Read(string path) => new(XenstoreOperation.Read, Checked(path));

    /// <summary>Set the value of a node; missing parents are made.</summary>
    /// <param name="path">The node.</param>
    /// <param name="value">The value, kept by reference until the request was sent.</param>
    public static XenstoreRequest Write(string path, ReadOnlyMemory<byte> value)
        => new(XenstoreOperation.Write, Checked(path), value: value);

    /// <summary>Remove a node and everything below it.</summary>
    public static XenstoreRequest Remove(string path) => new(XenstoreOperation.Remove, Checked(path));

    /// <summary>The permissions of a node.</summary>
    public static XenstoreRequest GetPermissions(string path)
        => new(XenstoreOperation.GetPermissions, Checked(path));

    /// <summary>Set the permissions of a node.</summary>
    /// <param name="path">The node.</param>
    /// <param name="permissions">
    /// The owner with the default first; one to <see cref="XenstoreLimits.MaxPermissions"/>.
    /// </param>
    public static XenstoreRequest SetPermissions(string path, IReadOnlyList<XenstorePermission> permissions)
    {
        ArgumentOutOfRangeException.ThrowIfZero(permissions.Count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(permissions.Count, XenstoreLimits.MaxPermissions);
        return new XenstoreRequest(XenstoreOperation.SetPermissions, Checked(path), string.Join('\0', permissions));
    }

    /// <summary>Be told of changes of a node and everything below it; fires once at once.</summary>
    /// <param name="path">The node, or a special such as <c>@releaseDomain</c>.</param>
    /// <param name="token">
    /// Comes back with every event: printable ASCII, at most <see cref="XenstoreLimits.MaxTokenLength"/>.
    /// </param>
    public static XenstoreRequest Watch(string path, string token)
        => new(XenstoreOperation.Watch, Checked(path), CheckedToken(token));

    /// <summary>Be told no longer.</summary>
    public static XenstoreRequest Unwatch(string path, string token)
        => new(XenstoreOperation.Unwatch, Checked(path), CheckedToken(token));

    /// <summary>The home of a domain.</summary>
    public static XenstoreRequest GetDomainPath(int domainId)
        => new(XenstoreOperation.GetDomainPath, DomainText(domainId));

    /// <summary>Whether the daemon knows a domain.</summary>
    public static XenstoreRequest IsDomainIntroduced(int domainId)
        => new(XenstoreOperation.IsDomainIntroduced, DomainText(domainId));

    /// <summary>Writes the whole message, outside a transaction.</summary>
    /// <param name="requestId">The number that the reply will carry.</param>
    /// <param name="destination">At least <see cref="SizeBytes"/> long.</param>
    public void WriteTo(uint requestId, Span<byte> destination)
    {
        new XenstoreHeader(Operation, requestId, TransactionId: 0, (uint)PayloadSizeBytes).WriteTo(destination);
        destination = destination[XenstoreLimits.HeaderSizeBytes..];
        WriteText(_first, ref destination);
        if (_second is not null)
        {
            WriteText(_second, ref destination);
        }

        _value.Span.CopyTo(destination);
    }

    private static void WriteText(string text, ref Span<byte> destination)
    {
        Encoding.ASCII.GetBytes(text, destination);
        destination[text.Length] = 0;
        destination = destination[(text.Length + 1)..];
    }

    private static string Checked(string path)
        => XenstorePath.Problem(path) is { } problem ? throw new ArgumentException(problem, nameof(path)) : path;

    private static string CheckedToken(string token)
        => token.Length is > 0 and <= XenstoreLimits.MaxTokenLength
            && !token.AsSpan().ContainsAnyExceptInRange(' ', '~')
            ? token
            : throw new ArgumentException(
                $"a watch's token must be 1 to {XenstoreLimits.MaxTokenLength} printable ASCII characters",
                nameof(token));

    private static string DomainText(int domainId)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(domainId);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(domainId, XenstoreLimits.MaxDomainId);
        return domainId.ToString(CultureInfo.InvariantCulture);
    }
}
