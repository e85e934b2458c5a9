using CsCheck;
using Protocol.Channel;
using Xunit;

namespace Tests.Unit.Channel;

/// <summary>Two links and what lies between them: it loses, repeats, reorders, damages and swallows.</summary>
public sealed class LinkTests
{
    [Fact]
    public void A_guest_does_not_speak_before_it_is_spoken_to()
    {
        var stage = new LinkStage();
        stage.Guest.Offer(ChannelTopic.Report, [1, 2, 3]);
        stage.HostIsThere = false;
        stage.Pass(3600);
        Assert.Equal(0, stage.GuestWritten);
    }

    [Fact]
    public void What_is_known_of_the_ring_is_nothing_until_the_backend_has_moved_three_times()
    {
        var stage = new LinkStage();
        stage.Pass(1.5);
        Assert.Equal(0, stage.GuestWritten);
        stage.Pass(8);
        Assert.True(stage.Guest.IsAnswered(stage.Now));
        Assert.True(stage.Host.IsAnswered(stage.Now));
    }

    [Fact]
    public void A_message_arrives_whole_and_its_sender_knows()
    {
        var stage = new LinkStage();
        byte[] report = LinkStage.Message(10_000, seed: 1);
        stage.Guest.Offer(ChannelTopic.Report, report);
        stage.Pass(15);
        Assert.Equal(report, Assert.Single(stage.AtHost));
        Assert.Equal(report, Assert.Single(stage.DeliveredByGuest));
    }

    [Fact]
    public void Of_a_topic_only_the_newest_message_waits()
    {
        var stage = new LinkStage();
        for (byte number = 0; number < 100; number++)
        {
            stage.Guest.Offer(ChannelTopic.Report, [number]);
        }

        stage.Guest.Offer(ChannelTopic.Outcome, [200]);
        stage.Pass(15);
        Assert.Equal([[200], [99]], stage.AtHost);
    }

    [Fact]
    public void Both_ways_at_once_nothing_waits_for_ever()
    {
        var stage = new LinkStage();
        byte[] report = LinkStage.Message(ChannelLimits.MaxMessageBytes, seed: 1);
        byte[] request = LinkStage.Message(ChannelLimits.MaxMessageBytes, seed: 2);
        stage.Guest.Offer(ChannelTopic.Report, report);
        stage.Host.Offer(ChannelTopic.Request, request);
        stage.Pass(120);
        Assert.Equal(report, Assert.Single(stage.AtHost));
        Assert.Equal(request, Assert.Single(stage.AtGuest));
    }

    [Fact]
    public void A_guest_that_began_anew_says_everything_again()
    {
        var stage = new LinkStage();
        stage.Guest.Offer(ChannelTopic.Report, [1]);
        stage.Pass(15);
        stage.RestartGuest();
        stage.Guest.Offer(ChannelTopic.Report, [2]);
        stage.Host.Offer(ChannelTopic.Request, [9]);
        stage.Pass(15);
        Assert.Equal([[1], [2]], stage.AtHost);
        Assert.Equal([9], Assert.Single(stage.AtGuest));
    }

    [Fact]
    public void A_host_that_began_anew_hears_everything_again()
    {
        var stage = new LinkStage();
        stage.Guest.Offer(ChannelTopic.Report, [1]);
        stage.Pass(15);
        stage.RestartHost();
        stage.Pass(15);
        Assert.Equal([[1], [1]], stage.AtHost);
    }

    [Fact]
    public void A_backend_that_takes_nothing_is_never_given_more_than_the_window()
    {
        var stage = new LinkStage();
        stage.Pass(15);
        stage.RingIsStuck = true;
        for (int minute = 0; minute < 600; minute++)
        {
            stage.Guest.Offer(ChannelTopic.Report, LinkStage.Message(5000, seed: minute));
            stage.Pass(60);
        }

        Assert.InRange(stage.InRing, 1, ChannelLimits.WindowBytes);
        Assert.False(stage.Guest.IsAnswered(stage.Now));

        stage.RingIsStuck = false;
        stage.Pass(60);
        Assert.Equal(LinkStage.Message(5000, seed: 599), stage.AtHost[^1]);
    }

    [Fact]
    public void Also_an_agent_that_is_started_again_and_again_does_not_fill_the_ring()
    {
        var stage = new LinkStage();
        stage.Pass(15);
        stage.RingIsStuck = true;
        for (int start = 0; start < 50; start++)
        {
            stage.RestartGuest();
            stage.Guest.Offer(ChannelTopic.Report, LinkStage.Message(5000, seed: start));
            stage.Pass(60);
        }

        Assert.InRange(stage.InRing, 0, ChannelLimits.WindowBytes);
    }

    [Fact]
    public void Who_does_not_answer_is_asked_ever_more_rarely()
    {
        var stage = new LinkStage();
        stage.Pass(15);
        stage.HostIsThere = false;
        stage.Guest.Offer(ChannelTopic.Report, [1]);
        long before = stage.GuestWritten;
        stage.Pass(60);
        long first = stage.GuestWritten - before;
        stage.Pass(60);
        Assert.InRange(stage.GuestWritten - before - first, 0, first / 2);
    }

    [Fact]
    public void Whatever_lies_between_does_the_newest_message_arrives_and_the_window_holds()
        => Gen.Select(Gen.Int, Gen.Int[0, 30], Gen.Int[0, 30], Gen.Int[0, 30], Gen.Int[0, 30]).Sample(
            (seed, loss, repetition, reordering, damage) =>
            {
                var stage = new LinkStage(new Random(seed))
                {
                    LossPercent = loss, RepetitionPercent = repetition, ReorderingPercent = reordering,
                    DamagePercent = damage,
                };
                byte[] report = LinkStage.Message(3000, seed);
                byte[] request = LinkStage.Message(200, seed + 1);
                stage.Guest.Offer(ChannelTopic.Report, report);
                stage.Host.Offer(ChannelTopic.Request, request);
                stage.Pass(600);
                Assert.InRange(stage.Guest.UnacknowledgedBytes, 0, ChannelLimits.WindowBytes);
                stage.BeKind();
                stage.Pass(120);
                Assert.Equal(report, stage.AtHost[^1]);
                Assert.Equal(request, stage.AtGuest[^1]);
                Assert.All(stage.AtHost, one => Assert.Equal(report, one));
            },
            iter: 60);

    [Fact]
    public void Whoever_hears_itself_is_not_confused()
    {
        var stage = new LinkStage { IsEchoing = true };
        stage.Guest.Offer(ChannelTopic.Report, [1]);
        stage.Pass(20);
        Assert.Equal([1], Assert.Single(stage.AtHost));
    }

    [Fact]
    public void A_flood_of_random_frames_is_bounded_and_over_when_it_is_over()
    {
        var stage = new LinkStage();
        var random = new Random(1);
        byte[] wire = new byte[ChannelLimits.MaxFrameBytes];
        byte[] body = new byte[ChannelLimits.MaxPartBytes];
        for (int i = 0; i < 20_000; i++)
        {
            random.NextBytes(body);
            int size = FrameCodec.Encode(
                new ChannelFrame
                {
                    Kind = (FrameKind)random.Next(0, 5),
                    Session = (uint)random.Next(1, 4),
                    Serial = (uint)random.Next(),
                    PeerSession = LinkStage.HostSession,
                    Seen = (uint)random.Next(),
                    ReceivedMessage = (uint)random.Next(0, 3),
                    ReceivedParts = (byte)random.Next(0, 65),
                    Message = (uint)random.Next(1, 5),
                    Part = (byte)random.Next(0, 3),
                    Parts = (byte)random.Next(3, 65),
                    Body = body,
                },
                wire);
            _ = stage.Host.Receive(wire.AsSpan(0, size), stage.Now);
            stage.DrainHost();
            Assert.InRange(stage.Host.HeldBytes, 0, 2 * ChannelLimits.MaxMessageBytes);
            Assert.InRange(stage.Host.UnacknowledgedBytes, 0, ChannelLimits.WindowBytes);
        }

        stage.Guest.Offer(ChannelTopic.Report, [1]);
        stage.RestartHost();
        stage.Pass(30);
        Assert.Contains(stage.AtHost, one => one.AsSpan().SequenceEqual(new byte[] { 1 }));
    }
}
