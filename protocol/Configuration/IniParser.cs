using System.Text;

namespace Protocol.Configuration;

/// <summary>
/// Reads an INI file: <c>[section]</c>, <c>key = value</c>, and comments on lines of their own that begin with <c>#</c>
/// or <c>;</c>. Own code, as the libraries that publish without reflection (Microsoft.Extensions.Configuration.Ini,
/// ini-parser) forget in which line a value stood and stop at the first mistake; here each line is judged by itself.
/// Any bytes are taken: a file may be damaged, of another encoding, or no configuration at all.
/// </summary>
public static class IniParser
{
    /// <summary>The longest line, in bytes.</summary>
    public const int MaxLineBytes = 4096;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads a file.</summary>
    /// <param name="path">Its path, for messages.</param>
    /// <param name="content">All of its bytes.</param>
    public static IniDocument Parse(string path, ReadOnlySpan<byte> content)
    {
        if (content.Length > IniDocument.MaxFileBytes)
        {
            return IniDocument.Unreadable(
                path, $"it is larger than {IniDocument.MaxFileBytes} bytes; no configuration is");
        }

        if (content is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..])
        {
            return IniDocument.Unreadable(path, "it is written in UTF-16; save it as UTF-8");
        }

        if (content.StartsWith(Encoding.UTF8.Preamble))
        {
            content = content[Encoding.UTF8.Preamble.Length..];
        }

        var reader = new Reader(path);
        foreach (Range line in content.Split((byte)'\n'))
        {
            reader.Take(content[line]);
        }

        return reader.Document;
    }

    private sealed class Reader(string path)
    {
        private readonly List<SectionHeader> _sections = [];
        private readonly List<Setting> _settings = [];
        private readonly List<ConfigurationProblem> _problems = [];
        private readonly Dictionary<(string Section, string Key), int> _lines = [];
        private string? _section = string.Empty;
        private int _line;

        public IniDocument Document => new(path, _sections, _settings, _problems);

        private SettingOrigin Here => SettingOrigin.File(path, _line);

        public void Take(ReadOnlySpan<byte> bytes)
        {
            _line++;
            if (bytes.Length > MaxLineBytes)
            {
                Complain($"the line is longer than {MaxLineBytes} bytes; no setting is");
                return;
            }

            string text;
            try
            {
                text = StrictUtf8.GetString(bytes).Trim();
            }
            catch (DecoderFallbackException)
            {
                Complain("the line holds bytes that are no UTF-8; save the file as UTF-8");
                return;
            }

            if (text.Length == 0 || text[0] is '#' or ';')
            {
                return;
            }

            if (text.Any(letter => char.IsControl(letter) && letter != '\t'))
            {
                Complain($"{ConfigurationProblem.Quote(text)} holds characters that are no text; remove them");
            }
            else if (text[0] == '[')
            {
                TakeSection(text);
            }
            else
            {
                TakeSetting(text);
            }
        }

        private void TakeSection(string text)
        {
            string inside = text is ['[', .. var between, ']'] ? between : string.Empty;
            string name = string.Join(' ', inside.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries));
            if (name.Length == 0 || name.AsSpan().ContainsAny('[', ']'))
            {
                // What follows belongs to nobody: it must not count for the section before.
                Complain($"{ConfigurationProblem.Quote(text)} begins no section; write [name]");
                _section = null;
                return;
            }

            _section = name;
            _sections.Add(new SectionHeader(name, Here));
        }

        private void TakeSetting(string text)
        {
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            string key = equals < 0 ? string.Empty : text[..equals].TrimEnd().ToLowerInvariant();
            if (key.Length == 0)
            {
                Complain($"{ConfigurationProblem.Quote(text)} is no setting; write \"name = value\"");
                return;
            }

            if (_section is null)
            {
                return;
            }

            string value = text[(equals + 1)..].TrimStart();
            var setting = new Setting(_section, key, value is ['"', .. var inner, '"'] ? inner : value, Here);
            if (_lines.TryAdd((_section, key), _line))
            {
                _settings.Add(setting);
            }
            else
            {
                _problems.Add(new ConfigurationProblem(
                    Here, setting.Subject, $"it is set in line {_lines[(_section, key)]} already; keep one of them"));
            }
        }

        private void Complain(string problem) => _problems.Add(new ConfigurationProblem(Here, null, problem));
    }
}
