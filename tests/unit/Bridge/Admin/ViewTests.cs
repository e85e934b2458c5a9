using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using HostBridge.Admin;
using HostBridge.Admin.Views;
using HostBridge.Correlation;
using HostBridge.Incidents;
using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge.Admin;

/// <summary>What the commands print, for people and for programs.</summary>
public sealed class ViewTests
{
    private static readonly DateTimeOffset Night = new(2026, 3, 1, 3, 0, 32, TimeSpan.Zero);

    private static string Text(IReadOnlyList<Block> blocks, int? width = null, bool hasColours = false)
    {
        using var text = new StringWriter();
        new Terminal(text, width, hasColours).Write(blocks);
        return text.ToString();
    }

    private static string Json(object document)
    {
        using JsonDocument parsed = JsonDocument.Parse(AdminJson.ToBytes(document));
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes, new JsonWriterOptions
        {
            Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        }))
        {
            parsed.WriteTo(writer);
        }

        return Encoding.UTF8.GetString(bytes.ToArray()) + "\n";
    }

    [Fact]
    public void Status_lists_what_is_not_well_the_worst_first()
        => GoldenFile.Matches("status.txt", Text(StatusView.Of(AdminStage.Status(AdminStage.Tell()), isAll: false)));

    [Fact]
    public void Status_of_all_lists_the_healthy_too()
        => GoldenFile.Matches("status-all.txt", Text(StatusView.Of(AdminStage.Status(AdminStage.Tell()), isAll: true)));

    [Fact]
    public void Status_fits_into_a_narrow_terminal_with_colours()
        => GoldenFile.Matches(
            "status-terminal.txt",
            Text(StatusView.Of(AdminStage.Status(AdminStage.Tell()), isAll: false), width: 100, hasColours: true));

    [Fact]
    public void Status_for_programs_keeps_its_contract()
        => GoldenFile.Matches("status.json", Json(AdminStage.Status(AdminStage.Tell())));

    [Fact]
    public void Status_says_what_is_wrong_with_the_bridge_itself()
    {
        BridgeStory story = AdminStage.Tell();
        story.Step(new HostBridge.BridgeInput.Paused(null, null));
        GoldenFile.Matches(
            "status-trouble.txt",
            Text(StatusView.Of(
                AdminStage.Status(story, AdminStage.Facts with { StateTrouble = "its file system is full; make room" }),
                isAll: false)));
    }

    [Fact]
    public void Status_of_no_guests_says_so()
        => Assert.Contains(
            "no guest is known", Text(StatusView.Of(AdminStage.Status(new BridgeStory()), isAll: false)));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    public void Explain_says_why_nothing_is_done_and_what_changes_that(int guest)
        => GoldenFile.Matches($"explain-web{guest}.txt", Text(ExplainView.Of(AdminStage.Explain(AdminStage.Tell(), guest))));

    [Fact]
    public void Explain_for_programs_keeps_its_contract()
        => GoldenFile.Matches("explain.json", Json(AdminStage.Explain(AdminStage.Tell(), 2)));

    [Fact]
    public void Every_guest_with_which_nothing_is_done_is_told_why_and_what_changes_it()
    {
        StatusDocument status = AdminStage.Status(AdminStage.Tell());
        Assert.All(status.Guests, guest => Assert.NotEmpty(guest.NextStep));
        Assert.All(Enum.GetValues<HindranceKind>(), kind => Assert.NotEmpty(NextSteps.Remedy(kind, "web1")));
        Assert.Contains("host-bridge recover web1", NextSteps.Remedy(HindranceKind.Observe, "web1"));
        Assert.Contains("mode = recover", NextSteps.Remedy(HindranceKind.Observe, "web1"));
    }

    [Fact]
    public void Words_of_a_guest_cannot_steer_the_terminal()
    {
        GuestLine line = AdminStage.Status(AdminStage.Tell()).Guests[0] with { Name = "web\e[2J\n1" };
        string text = Text(StatusView.Of(AdminStage.Status(AdminStage.Tell()) with { Guests = [line] }, isAll: true));
        Assert.DoesNotContain('\e', text);
        Assert.Contains("web\\x1b[2J\\x0a1", text);
    }

    [Fact]
    public void History_joins_the_guests_stories_with_the_storage_under_them()
    {
        HistoryDocument document = HistoryComposer.Compose(Story(), Timeline(), isOneGuest: false, most: 10);
        GoldenFile.Matches("history.txt", Text(HistoryView.Of(document)));
        GoldenFile.Matches("history.json", Json(document));
    }

    [Fact]
    public void History_of_one_guest_leaves_the_storage_of_others_out()
    {
        TimelineEntry other = Moment(1, "iscsi b", TimelineSource.Storage, null, "session2 is FAILED");
        HistoryDocument document = HistoryComposer.Compose(Story(), [.. Timeline(), other], isOneGuest: true, most: 10);
        Assert.DoesNotContain(document.Incidents.SelectMany(one => one.Moments), one => one.LunGroup == "iscsi b");
        Assert.Contains(document.Incidents.SelectMany(one => one.Moments), one => one.LunGroup == "iscsi a");
    }

    [Fact]
    public void History_is_cut_at_its_limit_and_says_so()
    {
        HistoryDocument document = HistoryComposer.Compose(Story(), Timeline(), isOneGuest: false, most: 1);
        Assert.True(document.IsCut);
        Assert.Equal("proved", Assert.Single(document.Incidents).Outcomes["web1"]);
        Assert.Contains("older incidents are left out", Text(HistoryView.Of(document)));
    }

    [Fact]
    public void Check_names_who_needs_a_person_and_ends_with_2()
    {
        CheckView view = CheckView.Of(AdminStage.Status(AdminStage.Tell()));
        Assert.Equal(CheckStatus.Critical, view.Status);
        Assert.Equal(
            "HOST-BRIDGE CRITICAL - 2 need you: web4 (errors-recorded), web1 (journal-aborted); "
                + "3 to be watched: web2 (journal-aborted), web5 (journal-aborted), web7 (hung); "
                + "storage incident on iscsi iqn.2026-01.lan:array2 | guests=7;;;0 healthy=1;;;0 doubtful=3;0;;0 "
                + "needing=2;;0;0 storage_incidents=1;0;;0 dropped=0c",
            view.Line);
    }

    [Fact]
    public void Check_of_guests_that_are_well_ends_with_0()
    {
        BridgeStory story = new BridgeStory().StorageIs(true).Appear().Say(5, 1, 1, Filesystem()).Wait(1);
        CheckView view = CheckView.Of(AdminStage.Status(story));
        Assert.Equal(CheckStatus.Ok, view.Status);
        Assert.StartsWith("HOST-BRIDGE OK - 1 of 1 guests healthy", view.Line, StringComparison.Ordinal);
    }

    [Fact]
    public void Guests_that_a_bridge_did_not_hear_yet_wake_nobody_until_they_count_as_silent()
    {
        BridgeStory story = new BridgeStory().StorageIs(true).Appear().Find(5, 1, 1, Filesystem()).Wait(20);
        StatusDocument status = AdminStage.Status(story);
        Assert.Equal("unknown", status.Guests[0].State);
        Assert.Contains("heartbeat", status.Guests[0].NextStep);
        Assert.Equal(CheckStatus.Ok, CheckView.Of(status).Status);
        for (int part = 0; part < 4; part++)
        {
            story.Wait(50);
        }

        Assert.Equal(CheckStatus.Warning, CheckView.Of(AdminStage.Status(story)).Status);
    }

    [Fact]
    public void Check_of_a_paused_bridge_warns_and_of_one_that_cannot_record_is_critical()
    {
        var story = new BridgeStory();
        story.Step(new HostBridge.BridgeInput.Paused(null, null));
        Assert.Equal(CheckStatus.Warning, CheckView.Of(AdminStage.Status(story)).Status);
        CheckView trouble = CheckView.Of(AdminStage.Status(story, AdminStage.Facts with { StateTrouble = "full | of it" }));
        Assert.Equal(CheckStatus.Critical, trouble.Status);
        Assert.Equal(1, trouble.Line.Count(letter => letter == '|'));
    }

    [Fact]
    public void Check_of_one_guest_tells_of_it_alone()
    {
        ExplainDocument document = AdminStage.Explain(AdminStage.Tell(), 1);
        CheckView view = CheckView.Of(document.Guest, document.Time);
        Assert.Equal(CheckStatus.Critical, view.Status);
        Assert.StartsWith("HOST-BRIDGE CRITICAL - web1 withheld: / journal-aborted for ", view.Line, StringComparison.Ordinal);
        Assert.Contains("host-bridge recover web1", view.Line);
    }

    [Theory]
    [InlineData("web1", 1)]
    [InlineData("13", 3)]
    [InlineData("00000002", 2)]
    [InlineData("00000004-0000-0000-0000-000000000000", 4)]
    public void A_guest_is_found_by_its_name_its_domain_or_its_uuid(string wanted, int guest)
    {
        BridgeStory story = AdminStage.Tell();
        HostBridge.GuestPicture? found = Find(story, wanted, out string reason);
        Assert.Equal(Guest(guest), found?.Record.Identity);
        Assert.Empty(reason);
    }

    [Fact]
    public void Of_two_guests_of_one_name_the_one_that_is_here_is_meant()
    {
        BridgeStory story = new BridgeStory().StorageIs(false).Appear()
            .Say(5, 1, 1, Filesystem(verdict: Verdict.JournalAborted)).Gone();
        GuestIdentity again = Guest(2) with { Name = Guest().Name };
        story.Step(new HostBridge.BridgeInput.GuestSeen(again, new DomainId(6), new GuestDisks([], [])));
        Assert.Equal(again, Find(story, again.Name, out _)?.Record.Identity);
    }

    [Theory]
    [InlineData("web", "no guest \"web\"")]
    [InlineData("000", "no guest \"000\"")]
    [InlineData("0000", "means 7 guests")]
    [InlineData("99", "no guest \"99\"")]
    public void What_means_no_guest_or_several_is_said(string wanted, string expected)
    {
        Assert.Null(Find(AdminStage.Tell(), wanted, out string reason));
        Assert.Contains(expected, reason);
    }

    [Theory]
    [InlineData(0.2, "just now")]
    [InlineData(25, "25 s ago")]
    [InlineData(250, "4 min ago")]
    [InlineData(7500, "2 h 5 min ago")]
    [InlineData(7200, "2 h ago")]
    [InlineData(100_000, "1 day ago")]
    [InlineData(300_000, "3 days ago")]
    [InlineData(-5, "just now")]
    public void Times_are_said_as_people_say_them(double seconds, string expected)
        => Assert.Equal(expected, PeopleWords.Ago(Night, Night.AddSeconds(seconds)));

    private static HostBridge.GuestPicture? Find(BridgeStory story, string wanted, out string reason)
        => GuestFinder.Find(story.Loop.Look(story.Now).Guests, wanted, out reason);

    private static IReadOnlyList<IncidentEntry> Story()
        =>
        [
            Told(-86_400, TellKind.Operator, "/ (xvda, ext3) is errors-recorded; plan a restart with a forced check"),
            Told(5.076, TellKind.Report, "it reports: / (xvda, ext3) is journal-aborted, which the mount table hides"),
            Told(5.1, TellKind.Gate, "waits for its storage: sda (8:0): sda is transport-offline"),
            Told(57.3, TellKind.Intent, "about to restart it with a check (recovery 1 of at most 2)"),
            Told(100, TellKind.Proof, "/ writes again: new boot id 2, fsck exit 1, probe ok"),
        ];

    private static IReadOnlyList<TimelineEntry> Timeline()
        =>
        [
            Moment(0, "iscsi a", TimelineSource.HostKernel, null, "connection1:0: detected conn error (1020)"),
            Moment(0.016, "iscsi a", TimelineSource.Storage, null, "session1 is FAILED"),
            Moment(5.076, "iscsi a", TimelineSource.Guest, "web1", "it reports: / is journal-aborted"),
            Moment(26.3, "iscsi a", TimelineSource.Storage, null, "session1 is LOGGED_IN"),
        ];

    private static IncidentEntry Told(double second, TellKind kind, string text)
        => IncidentEntry.Of(Guest(), new DomainId(5), kind, text, IncidentFacts.None, Night.AddSeconds(second));

    private static TimelineEntry Moment(double second, string group, TimelineSource source, string? guest, string text) => new()
    {
        Incident = $"{group} begins",
        LunGroup = group,
        At = Night.AddSeconds(second),
        Source = source,
        Guest = guest is null ? null : Guest().Uuid,
        GuestName = guest,
        Text = text,
    };
}
