using System.Text;
using CsCheck;
using Protocol.Configuration;
using Xunit;

namespace Tests.Unit.Configuration;

/// <summary>INI files as they are found: damaged, of another encoding, huge, or no configuration at all.</summary>
public sealed class IniParserTests
{
    private static IniDocument Parse(string text) => IniParser.Parse("a.conf", Encoding.UTF8.GetBytes(text));

    private static string Problem(ReadOnlySpan<byte> bytes) => Assert.Single(IniParser.Parse("a.conf", bytes).Problems).ToString();

    [Fact]
    public void Settings_have_the_section_and_the_line_they_stand_in()
    {
        IniDocument document = Parse("# one\n; two\n\nMode = recover\r\n [guest  web1]\t\n  mode=observe\nwindows = \" a = b \"\nx =");
        Assert.Empty(document.Problems);
        Assert.Equal(
            [("", "mode", "recover", 4), ("guest web1", "mode", "observe", 6), ("guest web1", "windows", " a = b ", 7),
                ("guest web1", "x", "", 8)],
            document.Settings.Select(one => (one.Section, one.Key, one.Text, one.Origin.Line)));
        SectionHeader section = Assert.Single(document.Sections);
        Assert.Equal(("guest web1", "a.conf:5"), (section.Name, section.Origin.ToString()));
    }

    [Fact]
    public void Every_line_is_judged_by_itself()
    {
        IniDocument document = Parse("mode\n= 3\n[\n[]\na = 1\n[x\nmode = 2\n[y]]\n[z]\nb = 1\nb = 2");
        Assert.Equal([1, 2, 3, 4, 6, 8, 11], document.Problems.Select(problem => problem.Origin.Line));
        Assert.Equal("a.conf:11: [z] b: it is set in line 10 already; keep one of them", document.Problems[^1].ToString());
        // What follows a header that cannot be read belongs to nobody.
        Assert.Equal("b", Assert.Single(document.Settings).Key);
    }

    [Fact]
    public void The_mark_of_UTF_8_is_no_part_of_the_first_key()
        => Assert.Equal("mode", Assert.Single(IniParser.Parse("a", [0xEF, 0xBB, 0xBF, .. "mode = x"u8]).Settings).Key);

    [Fact]
    public void Other_encodings_are_named()
    {
        Assert.Contains("UTF-16", Problem([.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes("mode = recover")]));
        Assert.Contains("UTF-16", Problem([0xFE, 0xFF, 0, (byte)'m']));
        Assert.Equal("a.conf:2: the line holds bytes that are no UTF-8; save the file as UTF-8", Problem([.. "\nm = "u8, 0xE4]));
        Assert.Contains("no text", Problem("\0\0\0"u8));
        Assert.Contains("\\u0000", Problem("mode = \0"u8));
    }

    [Fact]
    public void Long_lines_and_large_files_are_refused_and_what_is_at_the_limit_is_taken()
    {
        string key = "k = ";
        Assert.Empty(Parse(key + new string('x', IniParser.MaxLineBytes - key.Length)).Problems);
        Assert.Contains("longer than", Assert.Single(Parse(key + new string('x', IniParser.MaxLineBytes)).Problems).Text);
        Assert.Empty(IniParser.Parse("a", new byte[IniDocument.MaxFileBytes].Select(_ => (byte)'\n').ToArray()).Problems);
        Assert.Contains("larger than", Problem(new byte[IniDocument.MaxFileBytes + 1]));
    }

    [Fact]
    public void A_file_that_is_none_at_all_is_told_of_in_bounded_words()
    {
        IReadOnlyList<string> lines = ConfigurationProblem.ToLines(
            Parse(string.Join('\n', Enumerable.Repeat(new string('\u0007', 2000), 500))).Problems);
        Assert.Equal(ConfigurationProblem.MaxTold + 1, lines.Count);
        Assert.Equal("and 450 more mistakes; mend these first", lines[^1]);
        Assert.All(lines, line => Assert.True(line.Length < 600 && !line.Any(char.IsControl)));
    }

    [Fact]
    public void Any_bytes_are_taken_and_whatever_is_said_of_them_is_one_printable_line()
        => Gen.OneOf(
            Gen.Byte.Array[0, 200],
            Gen.OneOfConst("[", "]", "=", "\n", "mode", " ", "\"", "#", "guest", "\r", "\0", "ä").Array[0, 60]
                .Select(words => Encoding.UTF8.GetBytes(string.Concat(words)))).Sample(bytes =>
        {
            IniDocument document = IniParser.Parse("a", bytes);
            int lines = bytes.Count(one => one == '\n') + 1;
            Assert.True(document.Settings.Count + document.Sections.Count + document.Problems.Count <= lines);
            Assert.All(document.Problems, problem => Assert.DoesNotContain(problem.ToString(), char.IsControl));
        });
}
