using System.Text;

namespace Protocol.Health;

/// <summary>
/// The words of an enumeration as they stand on the wire: <c>JournalAborted</c> is <c>journal-aborted</c>.
/// One rule for every word, so that code, xenstore, command line, metrics and documents cannot drift apart.
/// </summary>
/// <typeparam name="T">The enumeration; its members' names are the source of the words.</typeparam>
public sealed class KebabNames<T>
    where T : struct, Enum
{
    private readonly Dictionary<T, string> _names = [];
    private readonly Dictionary<string, T> _values = new(StringComparer.Ordinal);

    /// <summary>Collects the names once.</summary>
    public KebabNames()
    {
        foreach (T value in Enum.GetValues<T>())
        {
            string name = ToKebab(value.ToString());
            _names[value] = name;
            _values[name] = value;
        }
    }

    /// <summary>Every word, in the order of the enumeration's values.</summary>
    public IReadOnlyCollection<string> All => _names.Values;

    /// <summary>The word for a value. A value outside the enumeration is a broken invariant and throws.</summary>
    public string ToName(T value) => _names[value];

    /// <summary>Reads a word; false when it is none of them.</summary>
    public bool TryParse(string name, out T value) => _values.TryGetValue(name, out value);

    private static string ToKebab(string name)
    {
        var kebab = new StringBuilder(name.Length + 4);
        foreach (char letter in name)
        {
            if (char.IsAsciiLetterUpper(letter) && kebab.Length > 0)
            {
                kebab.Append('-');
            }

            kebab.Append(char.ToLowerInvariant(letter));
        }

        return kebab.ToString();
    }
}
