using CsCheck;
using GuestAgent.Detection;
using GuestAgent.Probing;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>The words between the agent and its probe process.</summary>
public sealed class ProbeFrameTests
{
    [Fact]
    public void A_request_comes_back_as_it_went_in()
    {
        var request = new ProbeRequest(7, new DeviceNumber(202, 65537), 45, [.. "/srv/"u8, 0xff])
        {
            IsBtrfs = true, Folders = [[.. "/"u8], [.. "/.guest-agent"u8]],
        };
        ReadOnlyMemory<byte> rest = ProbeFrames.Encode(request)!;
        Assert.True(ProbeFrames.TryTake(ref rest, out ReadOnlyMemory<byte> body));
        ProbeRequest back = ProbeFrames.DecodeRequest(body);
        Assert.Equal(request.MountPoint, back.MountPoint);
        Assert.Equal(request.Folders, back.Folders);
        Assert.Equal(request with { MountPoint = back.MountPoint, Folders = back.Folders }, back);
        Assert.Equal(0, rest.Length);
    }

    [Fact]
    public void Replies_split_anywhere_are_taken_whole()
        => Gen.Int[1, 60].Sample(step =>
        {
            ProbeReply[] replies =
            [
                new(1, new DeviceNumber(7, 0), ProbeStep.Done, 0, 400),
                new(2, new DeviceNumber(202, 16), ProbeStep.Sync, 5, 20_000_000),
                new(long.MaxValue, new DeviceNumber(253, 3), ProbeStep.Open, 30, 12) { IsReadOnlySubvolume = true },
                new(3, new DeviceNumber(202, 1), ProbeStep.Done, 0, 12) { FilesystemId = ulong.MaxValue },
            ];
            byte[] stream = [.. replies.SelectMany(ProbeFrames.Encode)];
            var taken = new List<ProbeReply>();
            byte[] waiting = [];
            foreach (byte[] chunk in stream.Chunk(step))
            {
                ReadOnlyMemory<byte> rest = (byte[])[.. waiting, .. chunk];
                while (ProbeFrames.TryTake(ref rest, out ReadOnlyMemory<byte> body))
                {
                    taken.Add(ProbeFrames.DecodeReply(body));
                }

                waiting = rest.ToArray();
            }

            Assert.Equal(replies, taken);
        });

    [Fact]
    public void A_length_that_no_frame_has_ends_the_link()
    {
        ReadOnlyMemory<byte> rest = (byte[])[0xff, 0xff, 1, 2, 3];
        Assert.Throws<InvalidDataException>(() => ProbeFrames.TryTake(ref rest, out _));
    }

    [Theory]
    [InlineData(4000, true)]
    [InlineData(4096, false)]
    [InlineData(70_000, false)]
    public void A_path_that_no_frame_holds_makes_none(int length, bool fits)
    {
        var request = new ProbeRequest(long.MaxValue, new DeviceNumber(202, 65537), 45, new byte[length]);
        byte[]? frame = ProbeFrames.Encode(request);
        Assert.Equal(fits, frame is not null);
        Assert.True(frame is null || frame.Length <= ProbeFrames.MaxFrameBytes);
    }
}
