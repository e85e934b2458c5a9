using System.Diagnostics.CodeAnalysis;
using CsCheck;
using Protocol.Channel;
using Xunit;

namespace Tests.Unit.Channel;

/// <summary>Frames as bytes, and back from bytes in any pieces, between any garbage.</summary>
public sealed class FrameTests
{
    private const byte Flag = 0x7e;

    /// <summary>A frame that can be kept.</summary>
    private sealed record Kept(
        FrameKind Kind, uint Session, uint Serial, uint Peer, uint Seen, uint Received, byte ReceivedParts, uint Message,
        byte Part, byte Parts, string Body);

    private static Gen<byte[]> Bodies { get; } = Gen.Byte.Array[1, ChannelLimits.MaxPartBytes];

    [Fact]
    public void An_acknowledgement_has_exactly_these_bytes()
    {
        byte[] wire = Encode(new ChannelFrame
        {
            Kind = FrameKind.Acknowledgement,
            Session = 0x41424344,
            Serial = 7,
            PeerSession = 0x61626364,
            Seen = 3,
            ReceivedMessage = 2,
            ReceivedParts = 5,
        });

        Assert.Equal(
            "7E7D217D21414243447D207D207D207D27616263647D207D207D207D237D207D207D207D227D25BE554DBE7E",
            Convert.ToHexString(wire));
    }

    [Fact]
    public void A_part_has_exactly_these_bytes()
    {
        byte[] wire = Encode(new ChannelFrame
        {
            Kind = FrameKind.Part,
            Session = 0x41424344,
            Serial = 8,
            PeerSession = 0x61626364,
            Seen = 4,
            ReceivedMessage = 0,
            ReceivedParts = 0,
            Message = 1,
            Part = 0,
            Parts = 1,
            Body = [0x61, 0x62, 0x7e, 0x7d, 0x03, 0xff],
        });

        Assert.Equal(
            "7E7D217D23414243447D207D207D207D28616263647D207D207D207D247D207D207D207D207D207D207D207D20"
            + "7D217D207D2161627D5E7D5D7D237DDFF99025637E",
            Convert.ToHexString(wire));
    }

    [Fact]
    public void The_longest_frame_fits_its_limit_with_each_byte_escaped()
    {
        byte[] body = new byte[ChannelLimits.MaxPartBytes];
        byte[] wire = Encode(Part(body));

        Assert.InRange(wire.Length, ChannelLimits.MaxContentBytes, ChannelLimits.MaxFrameBytes);
        Assert.Equal(Convert.ToHexString(body), Assert.Single(Parse([wire])).Body);
    }

    [Fact]
    public void Nothing_of_a_frame_means_anything_to_a_terminal()
        => Bodies.Sample(
            body => Assert.DoesNotContain(Encode(Part(body))[1..^1], value => value is < 0x20 or 0x7f or 0xff or Flag));

    [Fact]
    public void Frames_are_found_in_any_pieces()
        => Gen.Select(Bodies.Array[1, 5], Gen.Int[1, 40]).Sample((bodies, pieceSize) =>
        {
            byte[] wire = [.. bodies.SelectMany(body => Encode(Part(body)))];
            Assert.Equal(bodies.Select(Convert.ToHexString), Parse(wire.Chunk(pieceSize)).Select(frame => frame.Body));
        });

    [Fact]
    public void Every_intact_frame_is_found_between_any_garbage()
        => Gen.Select(Bodies, Gen.Byte.Array[0, 3000]).Array[1, 5].Sample(pieces =>
        {
            byte[] wire = [.. pieces.SelectMany(one => Encode(Part(one.Item1)).Concat(one.Item2))];
            Assert.Equal(
                pieces.Select(one => Convert.ToHexString(one.Item1)),
                Parse(wire.Chunk(100)).Select(frame => frame.Body));
        });

    [Fact]
    public void Of_a_frame_with_flipped_bits_nothing_is_believed_and_the_next_is_found()
        => Gen.Select(Bodies, Gen.Int[0, int.MaxValue], Gen.Int[0, 7]).Sample((body, where, bit) =>
        {
            byte[] damaged = Encode(Part(body));
            damaged[where % damaged.Length] ^= (byte)(1 << bit);
            List<Kept> found = Parse([damaged, Encode(Part([1, 2, 3]))]);

            Assert.Equal("010203", found[^1].Body);
            Assert.All(found[..^1], frame => Assert.Equal(Convert.ToHexString(body), frame.Body));
        });

    [Fact]
    public void After_a_frame_that_was_cut_off_the_next_is_found()
        => Gen.Select(Bodies, Gen.Int[0, int.MaxValue]).Sample((body, where) =>
        {
            byte[] whole = Encode(Part(body));
            List<Kept> found = Parse([whole[..(where % (whole.Length - 1))], Encode(Part([1, 2, 3]))]);
            Assert.Equal("010203", Assert.Single(found).Body);
        });

    [Fact]
    public void A_control_character_within_a_frame_is_none_of_it()
    {
        byte[] wire = [.. Encode(Part([1, 2, 3])).SelectMany(value => new byte[] { value, 0x03, 0x0d })];
        Assert.Equal("010203", Assert.Single(Parse([wire])).Body);
    }

    [Fact]
    public void A_frame_of_another_version_is_left_out()
    {
        byte[] wire = Encode(Part([1]));
        wire[2] ^= 0x02; // the escaped version
        Assert.Empty(Parse([wire]));
    }

    [Fact]
    public void A_hundred_megabytes_of_noise_hold_no_frame_and_take_no_memory()
    {
        byte[] noise = new byte[1 << 20];
        new Random(1).NextBytes(noise);
        var parser = new FrameParser();
        long before = GC.GetAllocatedBytesForCurrentThread();
        int found = 0;
        for (int i = 0; i < 100; i++)
        {
            noise[i]++;
            ReadOnlySpan<byte> bytes = noise;
            while (parser.TryRead(ref bytes, out _))
            {
                found++;
            }
        }

        Assert.Equal(0, found);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4096);
        ReadOnlySpan<byte> intact = Encode(Part([7]));
        Assert.True(parser.TryRead(ref intact, out ChannelFrame frame));
        Assert.Equal([7], frame.Body.ToArray());
    }

    private static ChannelFrame Part(ReadOnlySpan<byte> body) => new()
    {
        Kind = FrameKind.Part,
        Session = 0x41424344,
        Serial = 8,
        PeerSession = 0x61626364,
        Seen = 4,
        ReceivedMessage = 0,
        ReceivedParts = 0,
        Message = 1,
        Part = 0,
        Parts = 1,
        Body = body,
    };

    private static byte[] Encode(in ChannelFrame frame)
    {
        byte[] wire = new byte[ChannelLimits.MaxFrameBytes];
        return wire[..FrameCodec.Encode(frame, wire)];
    }

    [SuppressMessage("Style", "IDE0028", Justification = "it is filled in a loop")]
    private static List<Kept> Parse(IEnumerable<byte[]> pieces)
    {
        var parser = new FrameParser();
        var found = new List<Kept>();
        foreach (byte[] piece in pieces)
        {
            ReadOnlySpan<byte> bytes = piece;
            while (parser.TryRead(ref bytes, out ChannelFrame frame))
            {
                found.Add(new Kept(
                    frame.Kind, frame.Session, frame.Serial, frame.PeerSession, frame.Seen, frame.ReceivedMessage,
                    frame.ReceivedParts, frame.Message, frame.Part, frame.Parts, Convert.ToHexString(frame.Body)));
            }
        }

        return found;
    }
}
