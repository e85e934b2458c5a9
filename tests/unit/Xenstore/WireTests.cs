using System.Text;
using CsCheck;
using Protocol.Xenstore;
using Xunit;

namespace Tests.Unit.Xenstore;

/// <summary>Messages as bytes, and back from bytes in any pieces.</summary>
public sealed class WireTests
{
    public static TheoryData<string, int, string> Requests => new()
    {
        { "directory", 1, "/a\0" },
        { "directory-part", 22, "/a\04096\0" },
        { "read", 2, "data/x\0" },
        { "write", 11, "data/x\0value" },
        { "write-nothing", 11, "data/x\0" },
        { "remove", 13, "data/x\0" },
        { "get-permissions", 3, "data/x\0" },
        { "set-permissions", 14, "data/x\0n0\0r5\0b7\0" },
        { "watch", 4, "@releaseDomain\0token 1\0" },
        { "unwatch", 5, "/a/b\0t\0" },
        { "get-domain-path", 10, "5\0" },
        { "is-domain-introduced", 17, "65535\0" },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public void Every_request_has_exactly_these_bytes(string which, int type, string payload)
    {
        XenstoreRequest request = Make(which);
        byte[] message = new byte[request.SizeBytes];
        request.WriteTo(requestId: 0x01020304, message);

        byte[] expected =
        [
            (byte)type, 0, 0, 0, 4, 3, 2, 1, 0, 0, 0, 0, (byte)payload.Length, 0, 0, 0,
            .. Encoding.ASCII.GetBytes(payload),
        ];
        Assert.Equal(expected, message);
    }

    [Fact]
    public void A_written_value_may_be_any_bytes()
    {
        XenstoreRequest request = XenstoreRequest.Write("a", new byte[] { 0, 255, 10 });
        byte[] message = new byte[request.SizeBytes];
        request.WriteTo(1, message);

        Assert.Equal([(byte)'a', 0, 0, 255, 10], message[16..]);
    }

    [Fact]
    public void Malformed_arguments_are_refused_before_the_wire()
    {
        Assert.Throws<ArgumentException>(() => XenstoreRequest.Read("a\0b"));
        Assert.Throws<ArgumentException>(() => XenstoreRequest.Read("a//b"));
        Assert.Throws<ArgumentException>(() => XenstoreRequest.Watch("a", "to\0ken"));
        Assert.Throws<ArgumentException>(() => XenstoreRequest.Watch("a", string.Empty));
        Assert.Throws<ArgumentException>(() => XenstoreRequest.Watch("a", new string('t', 129)));
        Assert.Throws<ArgumentOutOfRangeException>(() => XenstoreRequest.SetPermissions("a", []));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => XenstoreRequest.SetPermissions("a", [.. Enumerable.Repeat(new XenstorePermission(), 6)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => XenstoreRequest.GetDomainPath(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => XenstoreRequest.IsDomainIntroduced(65536));
        Assert.Throws<ArgumentOutOfRangeException>(() => XenstoreRequest.DirectoryPart("a", -1));
    }

    [Fact]
    public void A_message_is_put_together_byte_by_byte()
    {
        byte[] bytes = Wire.Message(XenstoreOperation.Read, 7, "value");
        var parser = new XenstoreMessageParser();
        for (int i = 0; i < bytes.Length - 1; i++)
        {
            ReadOnlySpan<byte> one = bytes.AsSpan(i, 1);
            Assert.Equal(XenstoreParseResult.NeedMore, parser.Read(ref one, out _));
            Assert.True(one.IsEmpty);
        }

        ReadOnlySpan<byte> last = bytes.AsSpan(bytes.Length - 1);
        Assert.Equal(XenstoreParseResult.Message, parser.Read(ref last, out XenstoreMessage message));
        Assert.Equal(XenstoreOperation.Read, message.Type);
        Assert.Equal(7u, message.RequestId);
        Assert.Equal("value"u8.ToArray(), message.Payload.ToArray());
    }

    [Fact]
    public void Any_messages_come_back_from_any_pieces()
    {
        Gen<byte[]> payload = Gen.Byte.Array[0, 60];
        Gen<(XenstoreOperation, uint, byte[])[]> messages =
            Gen.Select(Gen.Enum<XenstoreOperation>(), Gen.UInt, payload).Array[0, 8];
        Gen.Select(messages, Gen.Int[1, 50].Array[1, 10]).Sample((sent, sizes) =>
        {
            byte[] bytes = [.. sent.SelectMany(one => Wire.Message(one.Item1, one.Item2, one.Item3))];
            var parser = new XenstoreMessageParser();
            var received = new List<XenstoreMessage>();
            for ((int at, int turn) = (0, 0); at < bytes.Length; turn++)
            {
                int size = Math.Min(sizes[turn % sizes.Length], bytes.Length - at);
                ReadOnlySpan<byte> piece = bytes.AsSpan(at, size);
                while (parser.Read(ref piece, out XenstoreMessage message) == XenstoreParseResult.Message)
                {
                    received.Add(message);
                }

                at += size;
            }

            return received
                .Select(one => (one.Type, one.RequestId, Convert.ToHexString(one.Payload.Span)))
                .SequenceEqual(sent.Select(one => (one.Item1, one.Item2, Convert.ToHexString(one.Item3))));
        });
    }

    [Theory]
    [InlineData(4097u)]
    [InlineData(0x7fffffffu)]
    [InlineData(0xffffffffu)]
    public void A_hostile_length_is_refused_and_costs_no_memory(uint length)
    {
        byte[] header = new byte[16];
        new XenstoreHeader(XenstoreOperation.Read, 1, 0, length).WriteTo(header);
        var parser = new XenstoreMessageParser();

        long before = GC.GetAllocatedBytesForCurrentThread();
        ReadOnlySpan<byte> bytes = header;
        XenstoreParseResult result = parser.Read(ref bytes, out _);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(XenstoreParseResult.TooLong, result);
        Assert.Equal(0, allocated);
        ReadOnlySpan<byte> more = Wire.Message(XenstoreOperation.Read, 1, "x");
        Assert.Equal(XenstoreParseResult.TooLong, parser.Read(ref more, out _));
    }

    [Theory]
    [InlineData(20)]
    [InlineData(27)]
    [InlineData(65535)]
    [InlineData(-1)]
    public void An_unknown_type_is_told_apart(int type)
    {
        ReadOnlySpan<byte> bytes = Wire.Message((XenstoreOperation)type, 1, "x");
        var parser = new XenstoreMessageParser();

        Assert.Equal(XenstoreParseResult.UnknownType, parser.Read(ref bytes, out _));
    }

    [Fact]
    public void Garbage_never_throws()
        => Gen.Byte.Array[0, 300].Sample(garbage =>
        {
            var session = new XenstoreSession(4);
            ReadOnlySpan<byte> bytes = garbage;
            while (session.Receive(ref bytes, out _, out _)
                is XenstoreReceiveResult.Reply or XenstoreReceiveResult.WatchEvent)
            {
            }

            return true;
        });

    private static XenstoreRequest Make(string which) => which switch
    {
        "directory" => XenstoreRequest.Directory("/a"),
        "directory-part" => XenstoreRequest.DirectoryPart("/a", 4096),
        "read" => XenstoreRequest.Read("data/x"),
        "write" => XenstoreRequest.Write("data/x", "value"u8.ToArray()),
        "write-nothing" => XenstoreRequest.Write("data/x", default),
        "remove" => XenstoreRequest.Remove("data/x"),
        "get-permissions" => XenstoreRequest.GetPermissions("data/x"),
        "set-permissions" => XenstoreRequest.SetPermissions(
            "data/x",
            [new(XenstoreAccess.None, 0), new(XenstoreAccess.Read, 5), new(XenstoreAccess.Both, 7)]),
        "watch" => XenstoreRequest.Watch("@releaseDomain", "token 1"),
        "unwatch" => XenstoreRequest.Unwatch("/a/b", "t"),
        "get-domain-path" => XenstoreRequest.GetDomainPath(5),
        _ => XenstoreRequest.IsDomainIntroduced(65535),
    };
}
