using System.Globalization;
using System.Text;

namespace Protocol.Configuration;

/// <summary>
/// All settings of several files as the text of one file, which <see cref="IniParser"/> reads back to the same values: of
/// each key the last setting, in the order in which these win.
/// </summary>
public static class SettingsText
{
    /// <summary>Writes the text.</summary>
    /// <param name="files">Files without mistakes, in the order in which they win.</param>
    public static string Write(IReadOnlyList<IniDocument> files)
    {
        var winners = new OrderedDictionary<(string Section, string Key), Setting>();
        foreach (Setting setting in files.SelectMany(file => file.Settings))
        {
            // Removed first: a section that two files name differently (a uuid in capitals) keeps its order.
            _ = winners.Remove((setting.Section, setting.Key));
            if (setting.Text.Length > 0)
            {
                winners.Add((setting.Section, setting.Key), setting);
            }
        }

        var text = new StringBuilder();
        string section = string.Empty;
        foreach (Setting setting in winners.Values.OrderBy(setting => setting.Section.Length > 0))
        {
            if (setting.Section != section)
            {
                section = setting.Section;
                text.Append(CultureInfo.InvariantCulture, $"[{section}]\n");
            }

            // Without spaces and, where possible, quotes: no line may become longer than the one that it was read from.
            string value = NeedsQuotes(setting.Text) ? $"\"{setting.Text}\"" : setting.Text;
            text.Append(CultureInfo.InvariantCulture, $"{setting.Key}={value}\n");
        }

        return text.ToString();
    }

    private static bool NeedsQuotes(string value) => value is ['"', .., '"'] || value.Trim().Length != value.Length;
}
