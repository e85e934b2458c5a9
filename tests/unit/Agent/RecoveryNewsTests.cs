using System.Text;
using GuestAgent;
using GuestAgent.Detection;
using GuestAgent.Inquiries;
using Protocol.Health;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>What the guest's own log and its administrator hear of the host's doings.</summary>
public sealed class RecoveryNewsTests
{
    private const string Line =
        "time=2026-03-01T04:05:06.789Z id=reboot-1 action=reboot result=proved fsck=1 reason=/%20writes%20again";

    private static AgentStage Stage() => new AgentStage().With(AgentStage.Ext("/", 1)).Start();

    private static void Read(AgentStage stage, string line)
        => stage.Step(new AgentInput.LastRecoveryRead(Encoding.ASCII.GetBytes(line)));

    private static IReadOnlyList<string> Told(AgentStage stage)
        => [.. stage.Effects.OfType<AgentEffect.TellRecovery>().Select(tell => RecoveryNews.Text(tell.Recovery))];

    [Fact]
    public void After_a_restart_the_log_is_told_why_and_once()
    {
        AgentStage stage = Stage();
        Read(stage, Line);
        Read(stage, Line);
        stage.Pass(60);
        Assert.Equal(
            "the host restarted this guest (reboot-1, 2026-03-01 04:05:06 UTC by the host's clock); e2fsck ended with 1: "
                + "/ writes again",
            Assert.Single(Told(stage)));
        Read(stage, Line.Replace("reboot-1", "reboot-2"));
        Assert.Equal(2, Told(stage).Count);
    }

    [Fact]
    public void An_agent_that_is_started_again_tells_it_no_second_time()
    {
        AgentStage stage = Stage();
        _ = RequestId.TryParse("reboot-1", out RequestId told);
        stage.Step(new AgentInput.EarlierRecoveryTold(told));
        Read(stage, Line);
        Assert.Empty(Told(stage));
    }

    [Fact]
    public void What_is_no_word_of_the_host_is_passed_by()
    {
        AgentStage stage = Stage();
        Read(stage, "time=now reason=forged");
        Read(stage, "\u0001");
        Assert.Empty(Told(stage));
    }

    [Fact]
    public void The_status_shows_it_as_a_table_and_as_JSON()
    {
        AgentStage stage = Stage();
        Read(stage, Line);
        stage.Step(new AgentInput.Asked(7, Inquiry.TryParse("status"u8)));
        StatusDocument document = stage.Effects.OfType<AgentEffect.AnswerInquiry>().Last().Answer.Document;
        byte[] json = StatusJson.Write(document);
        Assert.Contains("\"last_recovery\":{\"time\":\"2026-03-01T04:05:06.789Z\"", Encoding.UTF8.GetString(json));
        StatusDocument read = StatusJson.TryRead(json)!;
        Assert.Equal(document.LastRecovery, read.LastRecovery);
        Assert.Contains(
            "the host restarted this guest", StatusTable.Render(read, DateTimeOffset.UnixEpoch, hasColours: false));
    }

    [Fact]
    public void A_request_is_told_in_words_with_what_became_of_it()
    {
        AgentStage stage = Stage();
        stage.Request("r-1", "reboot");
        stage.Pass(10);
        Assert.Contains(
            "the host asks to reboot /: refused, fault-gone",
            stage.Effects.OfType<AgentEffect.TellOutcome>().Select(tell => tell.Text));
    }
}
