using System.Text;

namespace HostBridge.Doctor.Parsing;

/// <summary>Reads multipath.conf(5): sections in braces, and in them a name and a value on a line.</summary>
internal static class MultipathConf
{
    private const int MaxDepth = 8;

    /// <summary>Every setting, in the order of the file; what is no setting is left out.</summary>
    public static IReadOnlyList<MultipathSetting> Parse(string text, string path)
    {
        var settings = new List<MultipathSetting>();
        var sections = new List<string>();
        var words = new List<string>();
        foreach (string line in text.Split('\n'))
        {
            words.Clear();
            foreach (string word in Words(line))
            {
                if (word == "{" && words.Count > 0 && sections.Count < MaxDepth)
                {
                    sections.Add(words[^1]);
                    words.Clear();
                }
                else if (word == "}")
                {
                    AddSetting(settings, sections, words, path);
                    sections.RemoveRange(Math.Max(0, sections.Count - 1), Math.Min(1, sections.Count));
                    words.Clear();
                }
                else
                {
                    words.Add(word);
                }
            }

            AddSetting(settings, sections, words, path);
        }

        return settings;
    }

    private static void AddSetting(
        List<MultipathSetting> settings, List<string> sections, List<string> words, string path)
    {
        if (words.Count >= 2 && sections.Count > 0)
        {
            settings.Add(new MultipathSetting(string.Join('/', sections), words[0], string.Join(' ', words.Skip(1)), path));
        }
    }

    /// <summary>The words of a line: quoted ones as one, braces by themselves, nothing after a comment begins.</summary>
    private static List<string> Words(string line)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        bool isQuoted = false;
        foreach (char letter in line)
        {
            if (letter == '"')
            {
                isQuoted = !isQuoted;
            }
            else if (isQuoted || !(char.IsWhiteSpace(letter) || letter is '{' or '}' or '#' or '!'))
            {
                word.Append(letter);
                continue;
            }

            if (!isQuoted && word.Length > 0)
            {
                words.Add(word.ToString());
                word.Clear();
            }

            if (!isQuoted && letter is ('#' or '!'))
            {
                return words;
            }

            if (!isQuoted && letter is ('{' or '}'))
            {
                words.Add(letter.ToString());
            }
        }

        if (word.Length > 0)
        {
            words.Add(word.ToString());
        }

        return words;
    }
}
