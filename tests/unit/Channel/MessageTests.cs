using System.Buffers;
using System.Text;
using CsCheck;
using HostBridge.Guests;
using MessagePack;
using Protocol.Channel;
using Protocol.Health;
using Protocol.Xenstore;
using Testbed.Xenstore;
using Xunit;

namespace Tests.Unit.Channel;

/// <summary>Messages as MessagePack, and back; what a hostile writer can do to a reader.</summary>
public sealed class MessageTests
{
    private const string Boot = "11111111-2222-3333-4444-555555555555";

    private static readonly DateTimeOffset Since = new(2026, 3, 1, 4, 5, 6, 789, TimeSpan.Zero);

    [Fact]
    public void A_heartbeat_has_exactly_these_bytes()
        => Assert.Equal(
            $"950102D924{Convert.ToHexString(Encoding.ASCII.GetBytes(Boot))}07CD03E8",
            Convert.ToHexString(ChannelCodec.Encode(new ChannelMessage.Heartbeat(BootIdOf(Boot), 7, 1000))));

    [Fact]
    public void A_report_has_exactly_these_bytes()
    {
        byte[] bytes = ChannelCodec.Encode(new ChannelMessage.Report(Report(Health("/", "xvda"))));
        const string filesystem =
            "9EA12FA478766461A465787433C3AF6A6F75726E616C2D61626F72746564C3C2CF0000019CA7924465C092A570726F6265A545524F4653"
            + "A0A0A96E6F742D6B6E6F776EA0";
        Assert.Equal(
            $"970101D924{Convert.ToHexString(Encoding.ASCII.GetBytes(Boot))}07A5302E312E3001"
            + $"C4{filesystem.Length / 2:X2}{filesystem}",
            Convert.ToHexString(bytes));
    }

    [Fact]
    public void What_is_said_is_what_is_read()
    {
        var report = new ChannelMessage.Report(Report(
            Health("/", "xvda") with { DataLossSince = Since },
            Health("/srv/weiß", "xvdb") with { Role = FilesystemRole.Data, Verdict = Verdict.Writable, Hidden = false }));
        GuestReport read = Assert.IsType<ChannelMessage.Report>(Decode(report)).Content;
        Assert.Equal(report.Content.Sequence, read.Sequence);
        Assert.Equal(report.Content.AgentVersion, read.AgentVersion);
        Assert.True(report.Content.Filesystems.Zip(read.Filesystems).All(pair => pair.First.SaysTheSameAs(pair.Second)));

        var outcome = new ChannelMessage.Outcome(new RequestOutcome
        {
            Id = IdOf("r-1"),
            BootId = BootIdOf(Boot),
            Status = RequestStatus.Done,
            FsckExitCode = 1,
            Probe = "ok",
            Detail = "all well",
        });
        Assert.Equal(outcome, Decode(outcome));
        var request = new ChannelMessage.Request(new GuestRequest
        {
            Id = IdOf("r-1"),
            BootId = BootIdOf(Boot),
            ReportSequence = 7,
            Filesystem = MountPoint.Root,
            Action = RequestAction.Reboot,
            LifetimeSeconds = 60,
        });
        Assert.Equal(request, Decode(request));
        Assert.Equal(new ChannelMessage.NoRequest(), Decode(new ChannelMessage.NoRequest()));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Whether_the_initramfs_asked_comes_back_over_both_carriers(bool hasHook)
    {
        GuestReport report = QuietGuest.ReportOf(
            QuietGuest.BootOf(5, 1), 1, Verdict.Writable) with { HasFsckHook = hasHook };
        var message = (ChannelMessage.Report)ChannelCodec
            .TryDecode(ChannelCodec.Encode(new ChannelMessage.Report(report)))!;
        Assert.Equal(hasHook, message.Content.HasFsckHook);
        Dictionary<string, byte[]> nodes = QuietGuest.NodesOf(report)
            .ToDictionary(node => node.Key, node => Encoding.ASCII.GetBytes(node.Value));
        Assert.Equal(hasHook, ReportAssembler.Assemble(nodes).Report!.HasFsckHook);
        if (hasHook)
        {
            // What an earlier boot left there says nothing of this one.
            nodes[GuestKeys.FsckHook] = "00000000-0000-4000-8000-000000000009"u8.ToArray();
            Assert.False(ReportAssembler.Assemble(nodes).Report!.HasFsckHook);
        }
    }

    [Fact]
    public void The_longest_report_fits_a_message_and_reads_as_xenstore_would_read_it()
    {
        FilesystemHealth[] all = [.. Enumerable.Range(0, 16).Select(number => Health(
            $"/{number}{new string('ü', 400)}", new string('d', 64)) with
        {
            FilesystemType = new string('t', 64),
            Role = FilesystemRole.Data,
            Evidence = [.. Enumerable.Repeat(new Evidence(EvidenceKind.CompletionsFrozen, new string('e', 300)), 8)],
            Origins = Enum.GetValues<DiskOrigin>(),
            Why = VerdictReason.ReadOnlySubvolume,
            BootCheck = BootCheck.NotChecked,
            BootCheckWhy = BootCheckReason.PassnoZero,
        })];
        byte[] bytes = ChannelCodec.Encode(new ChannelMessage.Report(Report(all)));

        Assert.InRange(bytes.Length, 1, ChannelLimits.MaxMessageBytes);
        GuestReport read = Assert.IsType<ChannelMessage.Report>(ChannelCodec.TryDecode(bytes)).Content;
        string line = ReportCodec.ToLine(all[0], BootIdOf(Boot), 7);
        Assert.Equal(
            ReportCodec.TryParseLine(Encoding.ASCII.GetBytes(line))!.Health.MountPoint,
            read.Filesystems[0].MountPoint);
        Assert.Equal(
            (VerdictReason.ReadOnlySubvolume, BootCheck.NotChecked, BootCheckReason.PassnoZero),
            (read.Filesystems[0].Why, read.Filesystems[0].BootCheck, read.Filesystems[0].BootCheckWhy));
        Assert.Equal(Enum.GetValues<DiskOrigin>(), read.Filesystems[0].Origins);
    }

    [Fact]
    public void Fields_that_are_not_known_yet_are_left_unread()
    {
        var buffer = new ArrayBufferWriter<byte>();
        var writer = new MessagePackWriter(buffer);
        writer.WriteArrayHeader(7);
        writer.Write(1);
        writer.Write(2);
        writer.Write(Boot);
        writer.Write(7);
        writer.Write(1000);
        writer.WriteMapHeader(1);
        writer.Write("a field of tomorrow");
        writer.WriteNil();
        writer.Write(3.5);
        writer.Flush();
        Assert.Equal(new ChannelMessage.Heartbeat(BootIdOf(Boot), 7, 1000), ChannelCodec.TryDecode(buffer.WrittenMemory));
    }

    [Fact]
    public void A_filesystem_that_is_not_understood_leaves_the_others_readable()
    {
        byte[] bytes = ChannelCodec.Encode(new ChannelMessage.Report(Report(Health("/", "xvda"), Health("/srv", "b") with
        {
            Role = FilesystemRole.Data,
        })));
        int verdict = bytes.AsSpan().LastIndexOf("journal-aborted"u8);
        bytes[verdict] = (byte)'J';
        GuestReport read = Assert.IsType<ChannelMessage.Report>(ChannelCodec.TryDecode(bytes)).Content;
        Assert.Equal("/", Assert.Single(read.Filesystems).MountPoint.Encoded);
        Assert.Equal(1, read.UnreadableLines);
    }

    [Theory]
    [InlineData("DDFFFFFFFF")] // an array of four milliards
    [InlineData("9501DBFFFFFFFF")] // a text of four gigabytes where a number belongs
    [InlineData("950102DBFFFFFFFF00")] // a text of four gigabytes
    [InlineData("970101D92431C6FFFFFFFF00")]
    [InlineData("C1")]
    [InlineData("")]
    [InlineData("920205")] // a newer schema
    [InlineData("920163")] // an unknown kind
    public void A_hostile_claim_is_no_message(string hexadecimal)
        => Assert.Null(ChannelCodec.TryDecode(Convert.FromHexString(hexadecimal)));

    [Fact]
    public void However_deep_it_is_nested_nothing_is_followed()
    {
        byte[] deep = [.. Enumerable.Repeat((byte)0x91, ChannelLimits.MaxMessageBytes)];
        Assert.Null(ChannelCodec.TryDecode(deep));
        byte[] beat = [.. ChannelCodec.Encode(new ChannelMessage.Heartbeat(BootIdOf(Boot), 7, 1000)), .. deep];
        beat[0]++;
        Assert.NotNull(ChannelCodec.TryDecode(beat.AsMemory(0, ChannelLimits.MaxMessageBytes)));
    }

    [Fact]
    public void Any_bytes_are_a_message_or_none()
        => Gen.Byte.Array[0, 2000].Sample(bytes => _ = ChannelCodec.TryDecode(bytes));

    [Fact]
    public void A_message_with_any_byte_changed_is_a_message_or_none()
    {
        byte[] whole = ChannelCodec.Encode(new ChannelMessage.Report(Report(Health("/", "xvda"))));
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte).Sample((where, value) =>
        {
            byte[] changed = [.. whole];
            changed[where] = value;
            _ = ChannelCodec.TryDecode(changed);
            _ = ChannelCodec.TryDecode(whole.AsMemory(0, where));
        });
    }

    [Fact]
    public void A_last_resort_line_is_read_back_and_says_which_it_is()
    {
        var line = new LastResortLine(3, new ReportedFilesystem(BootIdOf(Boot), 7, Health("/", "xvda") with { Evidence = [] }));
        string text = line.ToString();
        Assert.Equal(
            "guest-agent: alarm 3/10 boot=11111111-2222-3333-4444-555555555555 seq=7 mount=/ device=xvda type=ext3 "
            + "role=root verdict=journal-aborted hidden=yes claims=rw since=2026-03-01T04:05:06.789Z",
            text);
        LastResortLine read = Assert.IsType<LastResortLine>(LastResortLine.TryParse(text));
        Assert.Equal(3, read.Number);
        Assert.True(read.Filesystem.Health.SaysTheSameAs(line.Filesystem.Health));
        Assert.Null(LastResortLine.TryParse(text.Replace("3/10", "11/10", StringComparison.Ordinal)));
        Assert.Null(LastResortLine.TryParse(text[..60]));
    }

    private static ChannelMessage? Decode(ChannelMessage message) => ChannelCodec.TryDecode(ChannelCodec.Encode(message));

    private static GuestReport Report(params FilesystemHealth[] filesystems) => new()
    {
        BootId = BootIdOf(Boot),
        Sequence = 7,
        AgentVersion = "0.1.0",
        State = GuestState.Of(filesystems, Since),
        Filesystems = filesystems,
        FilesystemCount = filesystems.Length,
    };

    private static FilesystemHealth Health(string mountPoint, string device) => new()
    {
        MountPoint = MountPoint.FromText(mountPoint),
        Device = device,
        FilesystemType = "ext3",
        Role = FilesystemRole.Root,
        Verdict = Verdict.JournalAborted,
        Since = Since,
        Claims = MountClaim.Rw,
        Hidden = true,
        Evidence = [new Evidence(EvidenceKind.Probe, "EROFS")],
    };

    private static BootId BootIdOf(string text) => BootId.TryParse(text, out BootId id) ? id : default;

    private static RequestId IdOf(string text) => RequestId.TryParse(text, out RequestId id) ? id : default;
}
