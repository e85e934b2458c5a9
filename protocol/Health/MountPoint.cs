using System.Text;

namespace Protocol.Health;

/// <summary>
/// A mount point. Linux paths are bytes, not text: this holds them percent-encoded (RFC 3986, upper case), where
/// everything but <c>A-Z a-z 0-9 / . _ - + @</c> is encoded. So it can stand in a report, a log line or a
/// xenstore value as it is, and still be turned back into the exact bytes for a system call.
/// </summary>
public readonly record struct MountPoint
{
    /// <summary>The longest encoded form that is carried on the wire, in characters.</summary>
    public const int MaxEncodedLength = 512;

    private readonly string? _encoded;

    private MountPoint(string encoded) => _encoded = encoded;

    /// <summary>The root filesystem.</summary>
    public static MountPoint Root { get; } = new("/");

    /// <summary>The percent-encoded form, printable ASCII without spaces; <c>/</c> for a default value.</summary>
    public string Encoded => _encoded ?? "/";

    /// <summary>Whether this is <c>/</c>.</summary>
    public bool IsRoot => Encoded == "/";

    /// <summary>From the bytes the kernel uses.</summary>
    public static MountPoint FromBytes(ReadOnlySpan<byte> path) => new(PercentEncoding.Encode(path));

    /// <summary>From text, as an administrator types it (UTF-8).</summary>
    public static MountPoint FromText(string path) => FromBytes(Encoding.UTF8.GetBytes(path));

    /// <summary>
    /// From the encoded form, as it stands on the wire. False when it is not absolute, too long, or not the one
    /// encoding of its bytes: two spellings of one mount point must not pass as two filesystems.
    /// </summary>
    public static bool TryParse(string encoded, out MountPoint mountPoint)
    {
        mountPoint = default;
        if (encoded.Length is 0 or > MaxEncodedLength || encoded[0] != '/'
            || !PercentEncoding.TryDecode(encoded, out byte[] bytes)
            || bytes.Contains((byte)0)
            || PercentEncoding.Encode(bytes) != encoded)
        {
            return false;
        }

        mountPoint = new MountPoint(encoded);
        return true;
    }

    /// <summary>The bytes for a system call, without a terminating NUL.</summary>
    public byte[] ToBytes()
        => PercentEncoding.TryDecode(Encoded, out byte[] bytes)
            ? bytes
            : throw new InvalidOperationException($"mount point {Encoded} is not percent-encoded");

    /// <summary>The encoded form.</summary>
    public override string ToString() => Encoded;
}
