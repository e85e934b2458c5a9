using System.Text;
using HostBridge;
using HostBridge.Guests;
using HostBridge.Recovery;
using Protocol.Health;
using Protocol.Xenstore;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>What a guest wrote, from hostile bytes to inputs.</summary>
public sealed class ReadingTests
{
    private static Dictionary<string, byte[]> Nodes(GuestReport report)
        => ReportCodec.ToNodes(report, _ => report.Sequence, "seq=1 uptime=1", isQuotaExceeded: false)
            .Where(node => !node.Key.StartsWith(GuestKeys.Service, StringComparison.Ordinal))
            .ToDictionary(node => node.Key, node => Encoding.ASCII.GetBytes(node.Value));

    private static DomainReading Reading(Dictionary<string, byte[]> nodes, int guest = 1)
        => new(Guest(guest), GuestDisks.None, nodes.ToDictionary(node => node.Key, node => (byte[]?)node.Value));

    [Fact]
    public void A_report_comes_back_as_it_was_written()
    {
        GuestReport report = Report(1, 7, Filesystem("/srv", Verdict.JournalAborted), Filesystem());
        AssembledReport assembled = ReportAssembler.Assemble(Nodes(report));
        Assert.Null(assembled.Rejection);
        Assert.Equal((report.BootId, report.Sequence, report.FilesystemCount),
            (assembled.Report!.BootId, assembled.Report.Sequence, assembled.Report.FilesystemCount));
        Assert.True(report.Filesystems[0].SaysTheSameAs(assembled.Report.Filesystems[0]));
        Assert.Equal(Verdict.JournalAborted, assembled.Report.State.Worst);
    }

    [Fact]
    public void A_line_of_another_boot_is_a_report_that_is_not_finished()
    {
        Dictionary<string, byte[]> nodes = Nodes(Report(1, 7, Filesystem()));
        nodes[GuestKeys.BootId] = Encoding.ASCII.GetBytes(Boot(2).ToString());
        Assert.Equal(default, ReportAssembler.Assemble(nodes));
    }

    [Fact]
    public void A_missing_line_is_a_report_that_is_not_finished()
    {
        Dictionary<string, byte[]> nodes = Nodes(Report(1, 7, Filesystem("/srv"), Filesystem()));
        nodes.Remove(GuestKeys.Filesystem(1));
        Assert.Equal(default, ReportAssembler.Assemble(nodes));
    }

    [Fact]
    public void A_line_that_cannot_be_understood_hides_no_other_and_is_never_all_well()
    {
        Dictionary<string, byte[]> nodes = Nodes(Report(1, 7, Filesystem("/srv", Verdict.JournalAborted), Filesystem()));
        nodes[GuestKeys.Filesystem(1)] = "verdict=on-fire mount=/x"u8.ToArray();
        GuestReport? report = ReportAssembler.Assemble(nodes).Report;
        Assert.Equal(Verdict.JournalAborted, Assert.Single(report!.Filesystems).Verdict);
        Assert.Equal(1, report.UnreadableLines);

        nodes[GuestKeys.Filesystem(0)] = Nodes(Report(1, 7, Filesystem()))[GuestKeys.Filesystem(0)];
        Assert.False(Triage.IsHealthy(ReportAssembler.Assemble(nodes).Report!));
    }

    [Fact]
    public void Of_a_guest_without_room_the_lines_that_are_there_count()
    {
        Dictionary<string, byte[]> nodes = Nodes(Report(1, 7, Filesystem("/srv", Verdict.JournalAborted), Filesystem()));
        nodes.Remove(GuestKeys.Filesystem(1));
        nodes[GuestKeys.State] = "critical journal-aborted quota-exceeded"u8.ToArray();
        GuestReport? report = ReportAssembler.Assemble(nodes).Report;
        Assert.Equal(Verdict.JournalAborted, Assert.Single(report!.Filesystems).Verdict);
        Assert.Equal(2, report.FilesystemCount);
    }

    [Theory]
    [InlineData(GuestKeys.Schema, "2")]
    [InlineData(GuestKeys.Schema, "one")]
    [InlineData(GuestKeys.BootId, "\u001b[2J")]
    [InlineData(GuestKeys.FilesystemCount, "-1")]
    [InlineData(GuestKeys.FilesystemCount, "99999999")]
    [InlineData(GuestKeys.Filesystems + "/0", "rm -rf /")]
    public void Malformed_nodes_are_rejected_in_words_of_our_own(string key, string value)
    {
        Dictionary<string, byte[]> nodes = Nodes(Report(1, 7, Filesystem()));
        nodes[key] = Encoding.Latin1.GetBytes(value);
        AssembledReport assembled = ReportAssembler.Assemble(nodes);
        Assert.Null(assembled.Report);
        Assert.NotNull(assembled.Rejection);
        Assert.DoesNotContain("rm -rf", assembled.Rejection);
        Assert.DoesNotContain('\u001b', assembled.Rejection);
    }

    [Fact]
    public void The_slots_to_read_are_bounded_whatever_the_guest_counts()
    {
        Assert.Equal(16, ReportAssembler.SlotCount("9999"u8.ToArray()));
        Assert.Equal(0, ReportAssembler.SlotCount("1000000"u8.ToArray()));
        Assert.Equal(0, ReportAssembler.SlotCount("x"u8.ToArray()));
        Assert.Equal(0, ReportAssembler.SlotCount(null));
    }

    [Theory]
    [InlineData("/vm/00000001-0000-0000-0000-000000000000", true)]
    [InlineData("/vm/00000001-0000-0000-0000-000000000000-12", true)]
    [InlineData("/vm/00000001-0000-0000-0000-000000000000/x", false)]
    [InlineData("/vm/00000000-0000-0000-0000-000000000000", false)]
    [InlineData("00000001-0000-0000-0000-000000000000", false)]
    [InlineData("", false)]
    public void A_guests_uuid_is_read_strictly(string vm, bool valid)
        => Assert.Equal(valid ? Guest(1).Uuid : null, DomainNodes.ParseVm(Encoding.ASCII.GetBytes(vm)));

    [Theory]
    [InlineData("fd:3", 253, 3)]
    [InlineData("8:10", 8, 16)]
    public void A_physical_device_is_hexadecimal(string text, int major, int minor)
    {
        Assert.True(DeviceNumber.TryParseHexadecimal(text, out DeviceNumber device));
        Assert.Equal(new DeviceNumber(major, minor), device);
    }

    [Fact]
    public void A_flooding_guest_is_read_in_a_burst_and_then_once_a_second()
    {
        var domain = new ListenedDomain(new DomainId(5), TimeSpan.Zero);
        int readings = 0;
        for (int millisecond = 0; millisecond < 10_000; millisecond++)
        {
            domain.MarkOutdated(OutdatedKeys.Everything);
            readings += domain.TakeTurn(TimeSpan.FromMilliseconds(millisecond)).Count;
        }

        Assert.Equal(19, readings);
    }

    [Fact]
    public void What_is_outdated_when_a_guest_was_read_too_often_is_read_at_its_next_turn()
    {
        var domain = new ListenedDomain(new DomainId(5), TimeSpan.Zero);
        Assert.Equal([OutdatedKeys.Everything], domain.TakeTurn(TimeSpan.Zero));
        _ = domain.Take(Reading(Nodes(Report(1, 7, Filesystem())))).ToList();
        do
        {
            domain.MarkOutdated(GuestKeys.State);
        }
        while (domain.TakeTurn(TimeSpan.Zero).Count > 0);

        domain.MarkOutdated(GuestKeys.Filesystem(0));
        Assert.Empty(domain.TakeTurn(TimeSpan.FromMilliseconds(999)));
        Assert.Equal([GuestKeys.Filesystem(0), GuestKeys.State], domain.TakeTurn(TimeSpan.FromSeconds(1)).Order());
        Assert.Empty(domain.TakeTurn(TimeSpan.FromSeconds(29)));
        Assert.Equal([OutdatedKeys.Everything], domain.TakeTurn(TimeSpan.FromSeconds(30)));
    }

    [Theory]
    [InlineData("/local/domain/5/data/guest-agent/filesystem/15", GuestKeys.Filesystems + "/15")]
    [InlineData("/local/domain/5/data/guest-agent/outcome", GuestKeys.Outcome)]
    [InlineData("/local/domain/5/data/guest-agent/heartbeat", GuestKeys.Heartbeat)]
    [InlineData("/local/domain/5/data/guest-agent", OutdatedKeys.Everything)]
    [InlineData("/local/domain/5/data/guest-agent/filesystem", OutdatedKeys.Everything)]
    [InlineData("/local/domain/5/data/guest-agent/filesystem-count", OutdatedKeys.Everything)]
    [InlineData("/local/domain/5/data/guest-agent/boot-id", OutdatedKeys.Everything)]
    [InlineData("/local/domain/5/data/guest-agent/schema", OutdatedKeys.Everything)]
    [InlineData("/local/domain/5/data/guest-agent/filesystem/16", null)]
    [InlineData("/local/domain/5/data/guest-agent/filesystem/0/x", null)]
    [InlineData("/local/domain/5/data/guest-agent/since", null)]
    [InlineData("/local/domain/5/data/guest-agent/whatever", null)]
    public void An_event_makes_outdated_what_it_names_and_nothing_that_is_never_read(string path, string? key)
        => Assert.Equal(key, OutdatedKeys.Of(new DomainId(5), path));

    [Fact]
    public void A_reading_of_some_keys_says_the_same_as_a_reading_of_all()
    {
        GuestReport before = Report(1, 7, Filesystem("/srv", Verdict.Slow), Filesystem());
        GuestReport after = Report(1, 8, Filesystem("/srv", Verdict.JournalAborted), Filesystem());
        var whole = new ListenedDomain(new DomainId(5), TimeSpan.Zero);
        var part = new ListenedDomain(new DomainId(5), TimeSpan.Zero);
        _ = whole.Take(Reading(Nodes(before))).ToList();
        _ = part.Take(Reading(Nodes(before))).ToList();
        _ = part.TakeTurn(TimeSpan.Zero);
        Dictionary<string, byte[]?> changes = Nodes(after)
            .Where(node => node.Key == GuestKeys.State || ReportAssembler.FilesystemKeys.Contains(node.Key))
            .ToDictionary(node => node.Key, node => (byte[]?)node.Value);
        changes[GuestKeys.Filesystem(5)] = "beyond the count"u8.ToArray();

        BridgeInput.ReportRead expected = whole.Take(Reading(Nodes(after))).OfType<BridgeInput.ReportRead>().Single();
        BridgeInput.ReportRead read = Assert.IsType<BridgeInput.ReportRead>(Assert.Single(part.Take(changes)));
        Assert.Equal((expected.Guest, expected.Domain, expected.IsNew), (read.Guest, read.Domain, read.IsNew));
        Assert.Equal((8, Verdict.JournalAborted), (read.Report.Sequence, read.Report.State.Worst));
        Assert.IsType<BridgeInput.GuestSeen>(Assert.Single(part.Take(Reading(Nodes(after)))));
    }

    [Fact]
    public void A_key_that_was_removed_makes_the_report_unfinished_until_it_is_there_again()
    {
        GuestReport report = Report(1, 7, Filesystem());
        var domain = new ListenedDomain(new DomainId(5), TimeSpan.Zero);
        _ = domain.Take(Reading(Nodes(report))).ToList();
        _ = domain.TakeTurn(TimeSpan.Zero);
        string key = GuestKeys.Filesystem(0);
        Assert.Empty(domain.Take(new Dictionary<string, byte[]?> { [key] = null }));
        Assert.Single(domain.Take(new Dictionary<string, byte[]?> { [key] = Nodes(report)[key] }));
    }

    [Fact]
    public void What_was_read_of_a_domain_that_was_forgotten_meanwhile_is_not_said()
    {
        var domain = new ListenedDomain(new DomainId(5), TimeSpan.Zero);
        _ = domain.Take(Reading(Nodes(Report(1, 7, Filesystem())))).ToList();
        _ = domain.TakeTurn(TimeSpan.Zero);
        domain.Forget();
        Assert.Empty(domain.Take(new Dictionary<string, byte[]?> { [GuestKeys.Heartbeat] = "seq=8 uptime=9"u8.ToArray() }));
        Assert.False(domain.Take(Reading(Nodes(Report(1, 7, Filesystem()))))
            .OfType<BridgeInput.ReportRead>().Single().IsNew);
    }

    [Fact]
    public void Nothing_is_said_twice_and_everything_again_after_the_link_broke()
    {
        var domain = new ListenedDomain(new DomainId(5), TimeSpan.Zero);
        var reading = Reading(Nodes(Report(1, 7, Filesystem())));
        Assert.Contains(domain.Take(reading), input => input is BridgeInput.ReportRead);
        Assert.DoesNotContain(domain.Take(reading), input => input is BridgeInput.ReportRead);
        domain.Forget();
        Assert.Contains(domain.Take(reading), input => input is BridgeInput.ReportRead);
    }

    [Fact]
    public void A_sequence_that_falls_because_a_filesystem_is_gone_still_counts_as_the_newest()
    {
        var domain = new ListenedDomain(new DomainId(5), TimeSpan.Zero);
        _ = domain.Take(Reading(Nodes(Report(1, 7, Filesystem())))).ToList();
        var later = domain.Take(Reading(Nodes(Report(1, 3, Filesystem(verdict: Verdict.Slow)))))
            .OfType<BridgeInput.ReportRead>().Single();
        Assert.Equal((7L, Verdict.Slow), (later.Report.Sequence, later.Report.State.Worst));
    }

    [Fact]
    public void A_number_given_to_another_guest_ends_the_first()
    {
        var domain = new ListenedDomain(new DomainId(5), TimeSpan.Zero);
        _ = domain.Take(Reading([], guest: 1)).ToList();
        List<BridgeInput> inputs = [.. domain.Take(Reading([], guest: 2))];
        Assert.IsType<BridgeInput.GuestGone>(inputs[0]);
        Assert.Equal(Guest(2), Assert.IsType<BridgeInput.GuestSeen>(inputs[1]).Guest);
    }

    [Fact]
    public void A_folder_that_outlives_its_domain_loses_its_guest_once()
    {
        var domain = new ListenedDomain(new DomainId(5), TimeSpan.Zero);
        Assert.Null(domain.Lose());
        _ = domain.Take(Reading([], guest: 1)).ToList();
        Assert.Equal(Guest(1).Uuid, domain.Lose());
        Assert.Null(domain.Lose());
    }

    [Fact]
    public void An_oversized_node_is_rejected_by_its_name()
    {
        var domain = new ListenedDomain(new DomainId(5), TimeSpan.Zero);
        DomainReading reading = Reading(new() { [GuestKeys.Outcome] = new byte[FieldLine.MaxLength + 1] });
        Assert.Contains(domain.Take(reading), input
            => input is BridgeInput.ReportRejected { Reason: "data/guest-agent/outcome is longer than 1024 bytes" });
    }

    [Fact]
    public void Foreign_text_stays_one_printable_line()
        => Assert.Equal("a\\x0ab\\x1b[2J\\x5c\\u202e", Printable.Escape("a\nb\u001b[2J\\\u202e"));
}
