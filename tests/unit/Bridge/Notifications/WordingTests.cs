using System.Globalization;
using System.Text;
using System.Text.Json;
using HostBridge.Configuration;
using HostBridge.Notifications.Grouping;
using HostBridge.Notifications.Telling;
using HostBridge.Notifications.Wording;
using HostBridge.Recovery;
using Xunit;

namespace Tests.Unit.Bridge.Notifications;

/// <summary>The words of messages, and what they look like on each carrier.</summary>
public sealed class WordingTests
{
    private static readonly DateTimeOffset Time = new(2026, 3, 1, 4, 5, 6, TimeSpan.Zero);

    private static Notice Notice(
        NoticeKind kind = NoticeKind.NeedsOperator, string name = "web1", int number = 1, string? what = null) => new()
        {
            Id = number,
            At = Time.AddSeconds(number),
            Kind = kind,
            Guest = new GuestIdentity(new Guid(number, 0, 0, new byte[8]), name),
            Domain = 5,
            Mount = "/",
            Verdict = "journal-aborted",
            What = what ?? "/: e2fsck left errors (exit 4)",
            Why = "this host saw at 04:05:01 UTC: session1 FAILED",
            Done = "asked it to reboot /",
            ToDo = "run it by hand",
        };

    private static NoticeMessage Write(NoticeBatch batch, string? title = null, string? text = null) => new MessageWriter(
        "dom0", Template(title ?? MessageWriter.DefaultTitle), Template(text ?? MessageWriter.DefaultText)).Write(batch);

    private static MessageTemplate Template(string text)
        => MessageTemplate.TryParse(text, out string? error) ?? throw new InvalidOperationException(error);

    private static NoticeBatch Incident(int guests) => new(
        [.. Enumerable.Range(1, guests).Select(number => Notice(
            number % 4 == 0 ? NoticeKind.NeedsOperator : number % 4 == 1 ? NoticeKind.Problem : NoticeKind.Recovered,
            string.Create(CultureInfo.InvariantCulture, $"web{number}"), number))])
        {
            Incident = "lun-1",
            Cause = "session1 to iqn.2026-03.org.example:a is FAILED: will hit web1 and 11 more",
            Counts = new GuestCounts(12, 9, 0, 1, 2),
        };

    [Fact]
    public void One_guest_is_told_what_happened_why_what_was_done_and_what_to_do()
    {
        NoticeMessage message = Write(new NoticeBatch([Notice()]));
        Assert.Equal("[dom0] guest web1: needs you", message.Title);
        Assert.Equal(3, message.Priority);
        Assert.Equal(
            """
            2026-03-01 04:05:07 UTC
            What happened: /: e2fsck left errors (exit 4)
            Why:           this host saw at 04:05:01 UTC: session1 FAILED
            What was done: asked it to reboot /
            What to do:    run it by hand

            """,
            message.Text);
    }

    [Fact]
    public void An_incident_is_told_by_its_numbers_and_those_who_need_a_person_come_first()
    {
        NoticeMessage message = Write(Incident(12));
        Assert.Equal(
            "[dom0] storage lun-1: 12 guests affected; 9 healed, 1 waiting, 2 need you", message.Title);
        string[] lines = message.Text.Split('\n');
        Assert.Contains(lines, line => line.StartsWith("Why:           session1 to iqn.", StringComparison.Ordinal));
        string first = lines[Array.IndexOf(lines, string.Empty) + 1];
        Assert.Contains("web4: needs you: /: e2fsck left errors (exit 4) -> run it by hand", first);
    }

    [Fact]
    public void A_long_list_ends_with_how_many_more_there_are()
    {
        string text = Write(Incident(500)).Text;
        Assert.Contains("and 470 more: \"host-bridge history\" has all of them", text);
        Assert.InRange(text.Length, 1, 12_000);
    }

    [Fact]
    public void What_was_folded_is_told()
    {
        NoticeMessage message = Write(new NoticeBatch([Notice()])
        {
            Folded = new FoldedNotices(40, Time, Time.AddHours(1)),
        });
        Assert.Contains("40 notices from 2026-03-01 04:05:06 UTC to 2026-03-01 05:05:06 UTC", message.Text);
    }

    [Fact]
    public void A_template_may_use_every_name_and_braces()
    {
        string all = string.Concat(MessageFields.Names.Select(name => $"{name}={{{name}}} "));
        string text = Write(new NoticeBatch([Notice()]), text: all + "{{x}}").Text;
        Assert.Contains("mount=/ verdict=journal-aborted", text);
        Assert.EndsWith("{x}\n", text);
    }

    [Theory]
    [InlineData("{gust}", "{gust} is no name; the names are host, title,")]
    [InlineData("{}", "{} is no name")]
    [InlineData("a { b", "a { has no }")]
    [InlineData("a } b", "a } stands alone")]
    public void A_template_that_is_wrong_is_refused_with_the_reason(string text, string reason)
    {
        Assert.Null(MessageTemplate.TryParse(text, out string? error));
        Assert.Contains(reason, error);
        Assert.Equal(text, new TemplateKind().Read(text, out _));
    }

    [Fact]
    public void What_a_guest_brings_is_not_taken_for_a_template()
    {
        NoticeMessage message = Write(new NoticeBatch([Notice(what: "{todo} {nonsense} {{")]), text: "{what}");
        Assert.Equal("{todo} {nonsense} {{\n", message.Text);
    }

    [Fact]
    public void A_title_stays_one_line()
        => Assert.Equal("a [b] c", Write(new NoticeBatch([Notice()]), title: "a [b]\nc").Title);

    [Fact]
    public void No_name_of_a_guest_begins_a_header()
    {
        NoticeMessage message = Write(new NoticeBatch([Notice(name: "web1\r\nBcc: all@example.org\r\n\r\nx")]));
        string mail = Mail(message);
        string[] headers = mail[..mail.IndexOf("\n\n", StringComparison.Ordinal)].Split('\n');
        Assert.DoesNotContain(headers, header => header.StartsWith("Bcc", StringComparison.Ordinal));
        Assert.Single(headers, header => header.StartsWith("Subject: ", StringComparison.Ordinal));
        Assert.Equal("From: root", headers[0]);
        Assert.Equal("To: admin@example.org, root", headers[1]);
    }

    [Theory]
    [InlineData("Störung auf \U0001f525 und noch viel mehr, das in kein einziges Wort von RFC 2047 passt äöü äöü")]
    [InlineData("=?utf-8?B?QQ==?=")]
    public void A_title_that_is_no_plain_text_is_encoded_in_words_of_75_characters(string title)
    {
        string header = MailText.Header(title);
        string[] words = header.Split("\n ");
        Assert.All(words, word => Assert.InRange(word.Length, 1, 75));
        Assert.Equal(title, string.Concat(words.Select(word
            => Encoding.UTF8.GetString(Convert.FromBase64String(word["=?utf-8?B?".Length..^2])))));
    }

    [Fact]
    public void A_text_that_is_no_ASCII_is_sent_in_base64()
    {
        string mail = Mail(Write(new NoticeBatch([Notice()]), text: "Fehler: {what} äöü"));
        Assert.Contains("Content-Transfer-Encoding: base64\n\n", mail);
        string body = mail[(mail.IndexOf("\n\n", StringComparison.Ordinal) + 2)..].ReplaceLineEndings(string.Empty);
        Assert.EndsWith("äöü\n", Encoding.UTF8.GetString(Convert.FromBase64String(body)));
    }

    [Theory]
    [InlineData("root", true)]
    [InlineData("admin+dom0@example.org", true)]
    [InlineData("-oQ/tmp", false)]
    [InlineData("a@b@c", false)]
    [InlineData("a b", false)]
    [InlineData("a\nb", false)]
    [InlineData("a,b", false)]
    [InlineData("", false)]
    public void Only_plain_addresses_are_taken(string address, bool isOne)
    {
        Assert.Equal(isOne, MailText.IsAddress(address));
    }

    [Fact]
    public void The_journal_gets_every_guest_as_a_field_and_lines_with_their_length()
    {
        string entry = Encoding.UTF8.GetString(JournalEntry.Write(Write(Incident(12))));
        Assert.StartsWith("MESSAGE=[dom0] storage lun-1:", entry);
        Assert.Contains("\nPRIORITY=3\n", entry);
        Assert.Contains("\nINCIDENT=lun-1\n", entry);
        Assert.Equal(12, entry.Split("\nGUEST_NAME=").Length - 1);
        int text = entry.IndexOf("NOTICE_TEXT\n", StringComparison.Ordinal);
        Assert.NotEqual(-1, text);
    }

    [Fact]
    public void The_JSON_of_500_guests_is_whole_and_within_its_bound()
    {
        var long500 = new NoticeBatch([.. Incident(500).Notices.Select(one => one with { What = new string('"', 1000) })])
        {
            Incident = "lun-1",
            Counts = new GuestCounts(500, 0, 0, 500, 0),
        };
        byte[] json = MessageJson.Write(Write(long500));
        Assert.InRange(json.Length, 1, MessageJson.MaxBytes);
        JsonElement root = JsonDocument.Parse(json).RootElement;
        int told = root.GetProperty("notices").GetArrayLength();
        Assert.Equal(500, told + root.GetProperty("notices_left_out").GetInt32());
        Assert.Equal(500, root.GetProperty("guests").GetProperty("waiting").GetInt32());
        Assert.InRange(CurlConfig.Write("http://x/", [], json, 30).Length, 1, 100 * 1024);
    }

    [Fact]
    public void For_curl_no_value_ends_its_line_or_its_quotes()
    {
        string config = Encoding.UTF8.GetString(CurlConfig.Write(
            "https://x/\"\nuser = \"root", ["X: \\\""], Encoding.ASCII.GetBytes("{\"a\":\"\\u00e9\"}"), 30));
        Assert.Contains("url = \"https://x/\\\" user = \\\"root\"\n", config);
        Assert.Contains("header = \"X: \\\\\\\"\"\n", config);
        Assert.Contains("data-binary = \"{\\\"a\\\":\\\"\\\\u00e9\\\"}\"\n", config);
    }

    private static string Mail(NoticeMessage message)
        => Encoding.ASCII.GetString(MailText.Write(message, "root", ["admin@example.org", "root"], Time));
}
