using System.Text;
using Protocol.Xenstore;
using Xunit;

namespace Tests.Unit.Xenstore;

/// <summary>Matching replies with requests, and reading them.</summary>
public sealed class SessionTests
{
    [Fact]
    public void Replies_are_matched_by_number_in_any_order()
    {
        var session = new XenstoreSession(4);
        Assert.True(session.TryBegin(XenstoreRequest.Read("a"), out uint first));
        Assert.True(session.TryBegin(XenstoreRequest.Directory("b"), out uint second));

        XenstoreReply later = Receive(session, XenstoreOperation.Directory, second, "x\0y\0");
        XenstoreReply earlier = Receive(session, XenstoreOperation.Read, first, "value");

        Assert.Equal(["x", "y"], later.Strings());
        Assert.Equal((first, XenstoreOperation.Read), (earlier.RequestId, earlier.Operation));
        Assert.Equal("value"u8.ToArray(), earlier.Payload.ToArray());
        Assert.Equal(0, session.Outstanding);
    }

    [Fact]
    public void Requests_beyond_the_limit_are_refused_until_one_is_answered()
    {
        var session = new XenstoreSession(1);
        Assert.True(session.TryBegin(XenstoreRequest.Read("a"), out uint first));
        Assert.False(session.TryBegin(XenstoreRequest.Read("b"), out _));

        Receive(session, XenstoreOperation.Read, first, string.Empty);

        Assert.True(session.TryBegin(XenstoreRequest.Read("b"), out uint second));
        session.Forget(second);
        Assert.Equal(0, session.Outstanding);
    }

    [Theory]
    [InlineData("ENOENT\0", XenstoreError.ENOENT)]
    [InlineData("EQUOTA\0", XenstoreError.EQUOTA)]
    [InlineData("E2BIG", XenstoreError.E2BIG)]
    [InlineData("ENEWNAME\0", XenstoreError.EIO)]
    [InlineData("None\0", XenstoreError.EIO)]
    [InlineData("", XenstoreError.EIO)]
    public void Errors_are_read_by_name(string payload, XenstoreError expected)
    {
        var session = new XenstoreSession(1);
        session.TryBegin(XenstoreRequest.Read("a"), out uint id);

        XenstoreReply reply = Receive(session, XenstoreOperation.Error, id, payload);

        Assert.Equal(expected, reply.Error);
        Assert.True(reply.Payload.IsEmpty);
    }

    [Fact]
    public void A_watch_event_is_known_by_its_type_whatever_its_numbers_are()
    {
        var session = new XenstoreSession(1);
        session.TryBegin(XenstoreRequest.Read("a"), out uint id);
        byte[] bytes = Wire.Message(XenstoreOperation.WatchEvent, id, "data/x\0token\0");
        bytes.AsSpan(8, 4).Fill(0xee);
        ReadOnlySpan<byte> input = bytes;

        XenstoreReceiveResult result = session.Receive(ref input, out _, out XenstoreWatchEvent watchEvent);

        Assert.Equal(XenstoreReceiveResult.WatchEvent, result);
        Assert.Equal(new XenstoreWatchEvent("data/x", "token"), watchEvent);
        Assert.Equal(1, session.Outstanding);
    }

    [Theory]
    [InlineData(XenstoreOperation.Read, 99u, "value", "was not made")]
    [InlineData(XenstoreOperation.Directory, 1u, "x\0", "answered Read with Directory")]
    [InlineData(XenstoreOperation.WatchEvent, 0u, "only-a-path\0", "not a path and a token")]
    [InlineData(XenstoreOperation.WatchEvent, 0u, "a//b\0token\0", "not a path and a token")]
    [InlineData((XenstoreOperation)77, 1u, "", "unknown type 77")]
    public void A_broken_protocol_is_told_and_nothing_is_read_after_it(
        XenstoreOperation type,
        uint id,
        string payload,
        string reason)
    {
        var session = new XenstoreSession(1);
        session.TryBegin(XenstoreRequest.Read("a"), out uint begun);
        Assert.Equal(1u, begun);
        ReadOnlySpan<byte> bytes = Wire.Message(type, id, payload);
        Assert.Equal(XenstoreReceiveResult.Violation, session.Receive(ref bytes, out _, out _));
        Assert.Contains(reason, session.Violation, StringComparison.Ordinal);

        ReadOnlySpan<byte> more = Wire.Message(XenstoreOperation.Read, 1, "value");
        Assert.Equal(XenstoreReceiveResult.Violation, session.Receive(ref more, out _, out _));
    }

    [Fact]
    public void Answers_are_read_or_found_malformed()
    {
        Assert.Equal([new(XenstoreAccess.None, 0), new(XenstoreAccess.Read, 5)], Reply("n0\0r5\0").Permissions());
        Assert.Null(Reply("n0\0x5\0").Permissions());
        Assert.Null(Reply(string.Empty).Permissions());
        Assert.True(Reply("T\0").Flag());
        Assert.False(Reply("F\0").Flag());
        Assert.Null(Reply("OK\0").Flag());
        Assert.Equal("/local/domain/5", Reply("/local/domain/5\0").Text());
        Assert.Null(Reply("a\0b\0").Text());
        Assert.Empty(Reply(string.Empty).Strings()!);
        Assert.Null(Reply("not terminated").Strings());
        Assert.Null(Reply("a\nb\0").Strings());
    }

    [Fact]
    public void A_part_of_a_directory_says_whether_it_is_the_last()
    {
        Assert.Equal((7ul, 4, false), Part("7\0a\0b\0"));
        Assert.Equal((7ul, 5, true), Part("7\0a\0b\0\0"));
        Assert.Equal((7ul, 1, true), Part("7\0\0"));
        Assert.Null(Reply("x\0a\0").DirectoryPart());
        Assert.Null(Reply("7").DirectoryPart());
        Assert.Null(Reply(string.Empty).DirectoryPart());

        static (ulong, int, bool) Part(string payload)
        {
            XenstoreDirectoryPart part = Reply(payload).DirectoryPart()!;
            return (part.Generation, part.SizeBytes, part.IsLast);
        }
    }

    private static XenstoreReply Reply(string payload)
        => new(1, XenstoreOperation.Read, XenstoreError.None, Encoding.Latin1.GetBytes(payload));

    private static XenstoreReply Receive(XenstoreSession session, XenstoreOperation type, uint id, string payload)
    {
        ReadOnlySpan<byte> bytes = Wire.Message(type, id, payload);
        Assert.Equal(XenstoreReceiveResult.Reply, session.Receive(ref bytes, out XenstoreReply reply, out _));
        return reply;
    }
}
