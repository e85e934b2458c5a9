using System.Text;
using CsCheck;
using GuestAgent;
using GuestAgent.Detection;
using GuestAgent.Inquiries;
using Protocol.Health;
using Protocol.Kernel;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>Questions from within the guest, and what is answered.</summary>
public sealed class InquiryTests
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("status", "status")]
    [InlineData("probe", "probe")]
    [InlineData("probe /", "probe /")]
    [InlineData("probe /srv/my%20data", "probe /srv/my%20data")]
    [InlineData("", null)]
    [InlineData("Status", null)]
    [InlineData("status ", null)]
    [InlineData("status /", null)]
    [InlineData("probe srv", null)]
    [InlineData("probe /srv /home", null)]
    [InlineData("probe /%zz", null)]
    [InlineData("reboot /", null)]
    public void A_line_is_one_of_the_questions_or_none(string line, string? understood)
        => Assert.Equal(understood, Inquiry.TryParse(Encoding.ASCII.GetBytes(line))?.ToLine());

    [Fact]
    public void No_bytes_make_the_parser_throw()
        => Gen.Byte.Array[0, 40].Sample(bytes =>
        {
            string? line = Inquiry.TryParse(bytes)?.ToLine();
            return line is null || line.Split(' ')[0] is "status" or "probe";
        });

    [Fact]
    public void The_state_is_answered_at_once()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).With(AgentStage.Ext("/srv", 2)).Start();
        StatusDocument answer = Ask(stage, "status").Single();
        Assert.Equal(
            (Severity.Ok, 2, StatusDocument.LinkAnswers),
            (answer.Severity, answer.FilesystemCount, answer.Xenstore));
        Assert.All(answer.Filesystems, one => Assert.Null(one.Probe));
    }

    [Fact]
    public void The_answer_says_how_old_each_probe_is_and_how_old_it_may_become()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).With(AgentStage.Ext("/srv", 2), "never").Start();
        stage.Pass(1.5);
        IReadOnlyList<FilesystemStatus> said = Ask(stage, "status").Single().Filesystems;
        FilesystemStatus root = said.Single(one => one.Health.MountPoint == MountPoint.Root);
        Assert.Equal((TimeSpan.FromSeconds(1.5), TimeSpan.FromSeconds(5)), (root.ProbeAge, root.ProbeInterval));
        FilesystemStatus data = said.Single(one => one.Health.MountPoint != MountPoint.Root);
        Assert.Equal((null, TimeSpan.FromSeconds(15)), (data.ProbeAge, data.ProbeInterval));
    }

    [Fact]
    public void Before_the_first_probe_came_back_the_state_is_unknown()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1), "never").Start();
        Assert.Equal(Severity.Unknown, Ask(stage, "status").Single().Severity);
    }

    [Fact]
    public void A_probe_is_answered_when_one_that_began_after_the_question_came_back()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.Pass(2);
        int before = stage.Probes;
        stage.ProbesMeet(1, "EROFS");
        StatusDocument answer = Ask(stage, "probe /").Single();
        Assert.Equal(before + 1, stage.Probes);
        Assert.Equal(new ProbeNews(IsFresh: true, "EROFS", 0.4), answer.Filesystems.Single().Probe);
    }

    [Fact]
    public void A_question_that_comes_too_soon_after_a_probe_waits_until_the_next_may_begin()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        stage.Pass(0.1);
        Assert.Empty(Ask(stage, "probe /"));
        stage.Pass(0.5);
        Assert.True(Answers(stage).Single().Filesystems.Single().Probe!.IsFresh);
    }

    [Fact]
    public void A_probe_that_does_not_come_back_is_an_answer_after_eight_seconds()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).With(AgentStage.Ext("/srv", 2)).Start();
        stage.Pass(2);
        stage.ProbesMeet(2, "never");
        Assert.Empty(Ask(stage, "probe"));
        stage.Pass(7.9);
        Assert.Empty(Answers(stage));
        stage.Pass(0.2);
        StatusDocument answer = Answers(stage).Single();
        Assert.Equal(["outstanding", "ok"], answer.Filesystems.Select(one => one.Probe!.Result));
        Assert.Equal(Severity.Unknown, answer.Severity);
        Assert.Equal(8000, answer.Filesystems[0].Probe!.DurationMs);
    }

    [Fact]
    public void A_dead_filesystem_that_is_probed_once_a_minute_is_probed_when_somebody_asks()
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1), "EROFS").Start();
        stage.Kernel(KernelLineKind.JournalAborted, 1);
        stage.Pass(5);
        int before = stage.Probes;
        StatusDocument answer = Ask(stage, "probe").Single();
        Assert.Equal((Severity.Critical, before + 1), (answer.Severity, stage.Probes));
    }

    [Theory]
    [InlineData("probe /nowhere", nameof(InquiryError.NotWatched))]
    [InlineData("frobnicate", nameof(InquiryError.NotUnderstood))]
    public void A_question_that_cannot_be_answered_is_told_why(string line, string error)
    {
        AgentStage stage = new AgentStage().With(AgentStage.Ext("/", 1)).Start();
        StatusDocument answer = Ask(stage, line).Single();
        Assert.Equal((error, Severity.Unknown), (answer.Error.ToString(), answer.Severity));
        Assert.Contains("\"error\":", Encoding.UTF8.GetString(StatusJson.Write(answer)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Severity.Unknown)]
    [InlineData(Severity.Ok, Verdict.Writable, Verdict.ReadOnlyByDesign)]
    [InlineData(Severity.Unknown, Verdict.ReadOnlyByDesign, Verdict.Unknown)]
    [InlineData(Severity.Warning, Verdict.Unknown, Verdict.Full, Verdict.Writable)]
    [InlineData(Severity.Critical, Verdict.Full, Verdict.Unknown, Verdict.Hung)]
    public void The_worst_class_decides_the_exit_code(Severity expected, params Verdict[] verdicts)
        => Assert.Equal(expected, StatusDocument.WorstOf(verdicts.Select(verdict => Health(verdict))));

    [Fact]
    public void What_is_written_as_json_is_read_back_the_same()
    {
        StatusDocument document = Document(
            Probed(Aborted, new ProbeNews(IsFresh: true, "EROFS", 1.25)),
            new FilesystemStatus(Health(Verdict.Writable), null));
        byte[] json = StatusJson.Write(document);
        StatusDocument read = StatusJson.TryRead(json)!;
        Assert.Equal(json, StatusJson.Write(read));
        Assert.True(Aborted.SaysTheSameAs(read.Filesystems[0].Health));
        Assert.Equal(document.Filesystems[0].Probe, read.Filesystems[0].Probe);
        Assert.Equal(document.Filesystems[0].ProbeAge, read.Filesystems[0].ProbeAge);
        Assert.Null(read.Filesystems[1].ProbeAge);
    }

    [Fact]
    public void The_json_is_the_contract()
        => Assert.Equal(
            """
            {"schema":1,"agent_version":"9.9.9","boot_id":"11111111-2222-3333-4444-555555555555","sequence":5,
            "xenstore":"answers","severity":"critical","filesystem_count":1,"filesystems":[{"mount_point":"/srv",
            "device":"xvdb","type":"ext4","role":"data","verdict":"journal-aborted","severity":"critical","hidden":true,
            "claims":"rw","since":"2026-03-01T09:55:00.000Z","data_loss_since":"2026-03-01T10:00:00.000Z",
            "origins":[],"boot_check":"not-known",
            "evidence":[{"kind":"probe","detail":"EROFS"},{"kind":"errors-count","detail":"1(+1)"}],
            "probe_age_ms":2400,"probe_interval_ms":15000,"probe":{"fresh":true,"result":"EROFS","duration_ms":1.25}}]}
            """.ReplaceLineEndings(string.Empty) + "\n",
            Encoding.UTF8.GetString(StatusJson.Write(
                Document(Probed(Aborted, new ProbeNews(IsFresh: true, "EROFS", 1.25))))));

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"schema\":\"1\"}")]
    [InlineData("{\"schema\":2}")]
    [InlineData("{\"schema\":1,\"agent_version\":\"x\"}")]
    public void What_is_no_document_of_this_schema_is_not_read(string json)
        => Assert.Null(StatusJson.TryRead(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void The_table_says_the_worst_first_and_aligns_its_columns()
        => Assert.Equal(
            """
            critical: /srv is journal-aborted, while mount says rw, for 2h 5m; 2 filesystems

            FILESYSTEM  VERDICT          HIDDEN  SINCE                          PROBED  DEVICE     EVIDENCE
            /srv        journal-aborted  yes     2h 5m (2026-03-01 09:55:00Z)   2s ago  xvdb ext4  probe:EROFS, errors-count:1(+1), writes were lost at 2026-03-01 10:00:00Z
            /           writable         no      12h 0m (2026-03-01 00:00:00Z)  never   xvda ext3  probed now:ok (0.4 ms)

            """.ReplaceLineEndings("\n"),
            StatusTable.Render(
                Document(
                    Probed(Aborted, null),
                    new FilesystemStatus(Health(Verdict.Writable), new ProbeNews(IsFresh: true, "ok", 0.4))),
                Noon, hasColours: false));

    [Fact]
    public void Colours_and_control_characters_reach_a_terminal_only_where_they_are_meant()
    {
        FilesystemHealth hostile = Aborted with { Evidence = [new Evidence(EvidenceKind.KernelLine, "\e[2Jgone")] };
        StatusDocument document = Document(new FilesystemStatus(hostile, null));
        Assert.DoesNotContain('\e', StatusTable.Render(document, Noon, hasColours: false));
        string coloured = StatusTable.Render(document, Noon, hasColours: true);
        Assert.Equal(2, coloured.Count(letter => letter == '\e'));
        Assert.Contains("?[2Jgone", coloured, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-5, "0s")]
    [InlineData(59, "59s")]
    [InlineData(61, "1m 1s")]
    [InlineData(7500, "2h 5m")]
    [InlineData(200_000, "2d 7h")]
    public void A_duration_is_said_in_its_two_greatest_units(int seconds, string said)
        => Assert.Equal(said, StatusTable.Duration(TimeSpan.FromSeconds(seconds)));

    private static FilesystemStatus Probed(FilesystemHealth health, ProbeNews? probe) => new(health, probe)
    {
        ProbeAge = TimeSpan.FromMilliseconds(2400),
        ProbeInterval = TimeSpan.FromSeconds(15),
    };

    private static FilesystemHealth Aborted => Health(Verdict.JournalAborted) with
    {
        MountPoint = MountPoint.FromText("/srv"),
        Device = "xvdb",
        FilesystemType = "ext4",
        Role = FilesystemRole.Data,
        Hidden = true,
        Since = Noon.AddMinutes(-125),
        DataLossSince = Noon.AddHours(-2),
        Evidence = [new Evidence(EvidenceKind.Probe, "EROFS"), new Evidence(EvidenceKind.ErrorsCount, "1(+1)")],
    };

    private static FilesystemHealth Health(Verdict verdict) => new()
    {
        MountPoint = MountPoint.Root,
        Device = "xvda",
        FilesystemType = "ext3",
        Role = FilesystemRole.Root,
        Verdict = verdict,
        Since = Noon.AddHours(-12),
        Claims = MountClaim.Rw,
        Evidence = [new Evidence(EvidenceKind.Probe, "ok")],
    };

    private static StatusDocument Document(params FilesystemStatus[] filesystems)
    {
        Assert.True(BootId.TryParse(AgentStage.Boot, out BootId bootId));
        return new StatusDocument
        {
            AgentVersion = "9.9.9",
            BootId = bootId,
            Sequence = 5,
            Xenstore = StatusDocument.LinkAnswers,
            FilesystemCount = filesystems.Length,
            Severity = StatusDocument.WorstOf(filesystems.Select(one => one.Health)),
            Filesystems = filesystems,
        };
    }

    private static IReadOnlyList<StatusDocument> Ask(AgentStage stage, string line)
    {
        stage.Step(new AgentInput.Asked(1, Inquiry.TryParse(Encoding.ASCII.GetBytes(line))));
        return Answers(stage);
    }

    private static IReadOnlyList<StatusDocument> Answers(AgentStage stage)
        => [.. stage.Effects.OfType<AgentEffect.AnswerInquiry>().Select(effect => effect.Answer.Document)];
}
