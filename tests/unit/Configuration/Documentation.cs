using System.Text;
using HostBridge.Configuration;
using HostBridge.Recovery;
using Protocol.Configuration;

namespace Tests.Unit.Configuration;

/// <summary>What the manual and the example of a program must say of a key, word for word.</summary>
internal static class Documentation
{
    private const int LineLength = 120;

    /// <summary>The root of the source tree.</summary>
    private static readonly string Source = FindSource();

    /// <summary>The manual of a program's configuration.</summary>
    public static string Manual(string program)
        => File.ReadAllText(Path.Combine(Source, $"packaging/{program}/usr/share/man/man5/{program}.conf.5"));

    /// <summary>The example that is installed.</summary>
    public static string Example(string program)
        => File.ReadAllText(Path.Combine(Source, $"packaging/{program}/etc/{program}/{program}.conf"));

    /// <summary>The entry of a key in the manual.</summary>
    public static string Entry<T>(SettingKey<T> key, T defaults)
        where T : class
    {
        string without = key is SettingKey<GuestPolicy> && BridgeKeys.Table.Knows(key.Name)
            && key.Name != GuestPolicyKeys.MaintenanceWindowsName
                ? "the host's value holds"
                : $"{key.ValueIn(defaults)}";
        string text = $"{key.Description} Write {key.Allowed}; without it {without}."
            + (key.NeedsStart ? " A change takes effect at the next start." : string.Empty);
        return $".TP\n.B {Escape(key.Name)}\n{Escape(Wrap(text, string.Empty))}\n";
    }

    /// <summary>The lines of a key in the example.</summary>
    public static string Lines<T>(SettingKey<T> key, T defaults)
        where T : class
    {
        string mark = key.Name == "mode" && key.Section.Length == 0 ? string.Empty : "#";
        return $"{Wrap(key.Description, "# ")}\n{mark}{key.Name} = {key.ValueIn(defaults)}\n";
    }

    private static string Escape(string text) => text.Replace("-", "\\-", StringComparison.Ordinal);

    private static string Wrap(string text, string prefix)
    {
        var lines = new StringBuilder(prefix);
        int length = prefix.Length;
        foreach (string word in text.Split(' '))
        {
            if (length > prefix.Length && length + 1 + word.Length > LineLength)
            {
                lines.Append('\n').Append(prefix);
                length = prefix.Length;
            }
            else if (length > prefix.Length)
            {
                lines.Append(' ');
                length++;
            }

            lines.Append(word);
            length += word.Length;
        }

        return lines.ToString();
    }

    private static string FindSource()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "GuestAgent.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("the tests do not run in the source tree");
    }
}
