using System.Globalization;
using System.Text;
using Protocol.Health;

namespace Protocol.Xenstore;

/// <summary>
/// One line of <c>name=value</c> fields separated by single spaces, printable ASCII, as it stands in one xenstore
/// node. Values are percent-encoded. A reader takes the fields it knows and ignores the rest.
/// </summary>
public sealed class FieldLine
{
    /// <summary>The longest line, in bytes: half of xenstored's default node size.</summary>
    public const int MaxLength = 1024;

    private const int MaxFields = 32;

    private readonly Dictionary<string, string> _fields;

    private FieldLine(Dictionary<string, string> fields) => _fields = fields;

    /// <summary>The value of a field, still percent-encoded; null when it is absent.</summary>
    public string? this[string name] => _fields.GetValueOrDefault(name);

    /// <summary>
    /// Reads a line. Null when it is longer than <see cref="MaxLength"/>, holds a byte outside 0x20–0x7e, a field
    /// without a name, a name twice, or more fields than any writer of ours would send. A value may be empty.
    /// </summary>
    public static FieldLine? TryParse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length is 0 or > MaxLength || bytes.ContainsAnyExceptInRange((byte)0x20, (byte)0x7e))
        {
            return null;
        }

        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string part in Encoding.ASCII.GetString(bytes).Split(' '))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || fields.Count == MaxFields || !fields.TryAdd(part[..equals], part[(equals + 1)..]))
            {
                return null;
            }
        }

        return new FieldLine(fields);
    }

    /// <summary>A field that is a whole number within a range; null when absent, malformed or outside.</summary>
    public long? Number(string name, long min, long max)
        => long.TryParse(this[name], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
            && number >= min && number <= max
                ? number
                : null;

    /// <summary>A field that is a time as <see cref="Time"/> writes it; null when absent or malformed.</summary>
    public DateTimeOffset? Moment(string name)
        => DateTimeOffset.TryParseExact(this[name], TimeFormat, CultureInfo.InvariantCulture, TimeStyles, out var time)
            ? time
            : null;

    /// <summary>A field with text for a person, decoded; null when absent or malformed.</summary>
    public string? Text(string name) => this[name] is { } value ? PercentEncoding.TryDecodeText(value) : null;

    /// <summary>A time on the wire: UTC, milliseconds, for example <c>2026-03-01T04:05:06.789Z</c>.</summary>
    public static string Time(DateTimeOffset time)
        => time.ToUniversalTime().ToString(TimeFormat, CultureInfo.InvariantCulture);

    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
    private const DateTimeStyles TimeStyles = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
}

/// <summary>Writes a <see cref="FieldLine"/>, field by field.</summary>
public sealed class FieldLineWriter
{
    private readonly StringBuilder _line = new(256);

    /// <summary>Adds a field whose value is already safe on the wire (a word, a number, a time).</summary>
    public FieldLineWriter Add(string name, string value)
    {
        if (_line.Length > 0)
        {
            _line.Append(' ');
        }

        _line.Append(name).Append('=').Append(value);
        return this;
    }

    /// <summary>Adds a number.</summary>
    public FieldLineWriter Add(string name, long value) => Add(name, value.ToString(CultureInfo.InvariantCulture));

    /// <summary>Adds a time, or nothing for null.</summary>
    public FieldLineWriter Add(string name, DateTimeOffset? value)
        => value is { } time ? Add(name, FieldLine.Time(time)) : this;

    /// <summary>Adds text for a person, percent-encoded and cut to a length; nothing when it is empty.</summary>
    public FieldLineWriter AddText(string name, string value, int maxBytes)
    {
        if (value.Length == 0)
        {
            return this;
        }

        byte[] bytes = Encoding.UTF8.GetBytes(value);
        return Add(name, PercentEncoding.Encode(bytes.AsSpan(0, Math.Min(bytes.Length, maxBytes))));
    }

    /// <summary>How long the line is by now, in bytes.</summary>
    public int Length => _line.Length;

    /// <summary>The line.</summary>
    public override string ToString() => _line.ToString();
}
