using HostBridge;
using HostBridge.Correlation;
using HostBridge.Recovery;
using Protocol.Health;
using Tests.Unit.Bridge.Storage.Fixtures;
using Xunit;

namespace Tests.Unit.Bridge.Correlation;

/// <summary>Timelines of storage incidents, from the first fault until everything is well.</summary>
public sealed class TimelineTests : IDisposable
{
    private const string Array1 = "iqn.2026-01.org.example:array1";
    private const string Array2 = "iqn.2026-01.org.example:array2";

    private readonly TimelineStory _story = new();

    private SysfsTree Tree => _story.Storage.Tree;

    public void Dispose() => _story.Dispose();

    [Fact]
    public void A_path_goes_down_guests_abort_and_hang_and_the_timeline_tells_it_in_order()
    {
        Hosts();
        FailArray1();
        _story.Wait(5);
        _story.Storage.Kernel(" session1: session recovery timed out after 5 secs");
        Tree.SessionIs(1, "FREE", "failed", "transport-offline");
        _story.PassMs(30).Say(1, Verdict.JournalAborted).PassMs(200).Say(2, Verdict.Hung).Wait(20);
        Tree.SessionIs(1, "LOGGED_IN", "up", "running");
        _story.Wait(40).Say(1, Verdict.Writable).Say(2, Verdict.Writable).Wait(2);
        Assert.Equal(
            [
                "kernel  connection1:0: detected conn error (1020)",
                $"storage session1 to {Array1} is FAILED",
                "storage connection1:0 to 10.0.2.2:3260 is failed",
                $"bridge  session1 to {Array1} is FAILED: will hit g1, g2, g7 when replacement_timeout (5 s) is over",
                "storage sda, sdb are blocked",
                "kernel  session1: session recovery timed out after 5 secs",
                "storage sda, sdb are transport-offline",
                $"storage session1 to {Array1} is FREE",
                "guest   g1: it reports: / (xvda, ext3) is journal-aborted, which the mount table hides",
                "guest   g2: it reports: / (xvda, ext3) is hung",
                "storage sda, sdb are running",
                $"storage session1 to {Array1} is LOGGED_IN",
                "storage connection1:0 to 10.0.2.2:3260 is up",
                "storage stable: all of it is well since 03:00:58.276",
                "guest   g1: it reports: / (xvda, ext3) is writable",
                "guest   g2: it reports: / (xvda, ext3) is writable",
                "bridge  it is over after 1 min 6 s: the storage is stable and no guest on it is faulty",
            ],
            Told(_story.Entries.Where(entry => entry.Source != TimelineSource.Bridge || entry.Guest is null)));
        Assert.Contains("waits for its storage: sda (8:0)", string.Join('\n', _story.Of(TimelineSource.Bridge)), StringComparison.Ordinal);
        Assert.Equal([$"iscsi {Array1} 2026-03-01T03:00:32.000Z"], _story.Incidents);
    }

    [Fact]
    public void An_incident_does_not_end_while_a_guest_is_faulty()
    {
        Hosts();
        FailArray1();
        _story.Say(1, Verdict.JournalAborted).Wait(3);
        Tree.SessionIs(1, "LOGGED_IN", "up", "running");
        _story.Wait(600);
        Assert.DoesNotContain(_story.Of(TimelineSource.Bridge), text => text.StartsWith("it is over", StringComparison.Ordinal));
        Assert.Single(_story.Of(TimelineSource.Storage), text => text.StartsWith("stable", StringComparison.Ordinal));
        _story.Say(1, Verdict.Writable).Wait(1);
        Assert.StartsWith("it is over after 10 min", _story.Of(TimelineSource.Bridge)[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Two_groups_at_once_have_a_timeline_each_and_a_guest_on_both_is_in_both()
    {
        Hosts();
        FailArray1();
        _story.Wait(2);
        _story.Storage.Kernel(" connection2:0: detected conn error (1022)");
        Tree.SessionIs(2, "FAILED", "failed", "blocked");
        _story.PassMs(20).Say(7, Verdict.Hung).Say(3, Verdict.JournalAborted).Say(1, Verdict.DeviceFailing);
        Assert.Equal(2, _story.Incidents.Count);
        Assert.Equal(["g7", "g1"], GuestsIn(Array1));
        Assert.Equal(["g7", "g3"], GuestsIn(Array2));
        Assert.Contains("hit g3, g7 when", _story.Of(TimelineSource.Bridge, Array2)[0], StringComparison.Ordinal);
        Assert.Equal(["connection2:0: detected conn error (1022)"], _story.Of(TimelineSource.HostKernel, Array2));
        Tree.SessionIs(2, "LOGGED_IN", "up", "running");
        _story.Say(3, Verdict.Writable).Say(7, Verdict.Writable).Wait(40);
        Assert.Contains("it is over", _story.Of(TimelineSource.Bridge, Array2)[^1], StringComparison.Ordinal);
        Assert.DoesNotContain(_story.Of(TimelineSource.Bridge, Array1), text => text.Contains("it is over", StringComparison.Ordinal));
    }

    [Fact]
    public void A_guest_that_notices_before_its_host_is_in_the_timeline_before_the_first_fault()
    {
        Hosts();
        _story.Say(1, Verdict.Hung).Wait(5);
        Assert.Empty(_story.Entries);
        FailArray1();
        List<TimelineEntry> sorted = [.. _story.Entries.OrderBy(entry => entry.At)];
        Assert.Equal((TimelineSource.Guest, "g1"), (sorted[0].Source, sorted[0].GuestName));
        Assert.EndsWith("03:00:37.000Z", sorted[0].Incident, StringComparison.Ordinal);
        Assert.Equal(new DateTimeOffset(2026, 3, 1, 3, 0, 32, TimeSpan.Zero), sorted[0].At);
    }

    [Theory]
    [InlineData(-3 * 3600, "3 h 0 min before this host heard it")]
    [InlineData(86_400, "1 d 0 h after this host heard it")]
    [InlineData(-30, null)]
    [InlineData(1, null)]
    public void A_guest_whose_clock_lies_is_put_where_it_was_heard_and_its_own_time_is_shown(int offsetSeconds, string? remark)
    {
        Hosts();
        FailArray1();
        _story.Wait(1).Say(1, Verdict.JournalAborted, _story.Now.Wall + TimeSpan.FromSeconds(offsetSeconds));
        TimelineEntry entry = Assert.Single(_story.Entries, one => one.Source == TimelineSource.Guest);
        Assert.Equal(_story.Now.Wall, entry.At);
        Assert.Equal(remark is not null, entry.Text.Contains("by its own clock since", StringComparison.Ordinal));
        Assert.Contains(remark ?? "journal-aborted", entry.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_flood_of_lines_is_counted_and_does_not_hide_what_came_after_it()
    {
        Hosts();
        FailArray1();
        for (int second = 0; second < 100; second++)
        {
            for (int line = 0; line < 50; line++)
            {
                _story.Storage.Kernel($"I/O error, dev sda, sector {(second * 50) + line} op 0x1:(WRITE) flags 0x{line:x}");
            }

            _story.Wait(1);
        }

        IReadOnlyList<string> told = _story.Of(TimelineSource.HostKernel);
        Assert.InRange(told.Count, 3, 8);
        Assert.Matches(@"^I/O error, dev sda, sector \d+ op 0x1:\(WRITE\) flags 0x\w+ \(\d+ times more, the last at 03:\d\d:\d\d\.\d{3}\)$", told[2]);
        Tree.SessionIs(1, "LOGGED_IN", "up", "running");
        _story.Wait(40);
        Assert.Contains("it is over", _story.Of(TimelineSource.Bridge)[^1], StringComparison.Ordinal);
        int counted = _story.Of(TimelineSource.HostKernel).Skip(1).Sum(Repeats);
        Assert.Equal(5000, counted);
    }

    [Fact]
    public void Every_different_line_of_a_garrulous_kernel_is_bounded_and_so_is_a_guest_that_flaps()
    {
        Hosts();
        FailArray1();
        for (int second = 0; second < 500; second++)
        {
            _story.Storage.Kernel($"sd 0:0:0:1: [sda] command timed out {(char)('a' + (second % 26))}{(char)('a' + (second / 26))}");
            _story.Say(1, second % 2 == 0 ? Verdict.Hung : Verdict.Slow).Wait(1);
        }

        Assert.Equal(200, _story.Of(TimelineSource.HostKernel).Count);
        Assert.InRange(_story.Entries.Count(entry => entry.GuestName == "g1"), 5, 31);
        Tree.SessionIs(1, "LOGGED_IN", "up", "running");
        _story.Say(1, Verdict.Writable).Wait(40);
        Assert.Matches(@"; \d+ entries were left out$", _story.Of(TimelineSource.Bridge)[^1]);
    }

    [Fact]
    public void A_session_that_is_tried_again_for_an_hour_is_a_short_story()
    {
        Hosts();
        FailArray1();
        for (int attempt = 0; attempt < 900; attempt++)
        {
            Tree.SessionIs(1, "FREE", attempt % 2 == 0 ? "bound" : "failed", "transport-offline");
            _story.Wait(4);
        }

        Assert.InRange(_story.Of(TimelineSource.Storage).Count, 5, 40);
        Tree.SessionIs(1, "LOGGED_IN", "up", "running");
        _story.Wait(1);
        Assert.Contains($"session1 to {Array1} is LOGGED_IN", _story.Of(TimelineSource.Storage));
    }

    [Fact]
    public void A_lost_path_beside_an_active_one_is_an_incident_that_hits_nobody()
    {
        Tree.Session(1, Array1);
        Tree.Session(2, Array1);
        Tree.IscsiDisk("sda", 0, session: 1, wwid: "naa.1");
        Tree.IscsiDisk("sdb", 16, session: 2, wwid: "naa.1");
        DeviceNumber map = Tree.Map(0, "mpatha", "mpath-1", "sda", "sdb");
        _story.Guest(1, map).Settle().Say(1, Verdict.Writable);
        Tree.SessionIs(2, "FREE", "failed", "transport-offline");
        _story.Wait(300);
        Assert.Contains("mpatha is on 1 of 2 paths", _story.Of(TimelineSource.Storage));
        Assert.DoesNotContain(_story.Entries, entry => entry is { Source: TimelineSource.Bridge, Guest: null });
        _story.Storage.Kernel("device-mapper: multipath: 253:0: Reinstating path 8:16.");
        Tree.SessionIs(2, "LOGGED_IN", "up", "running");
        _story.Wait(31);
        Assert.Contains("device-mapper: multipath: 253:0: Reinstating path 8:16.", _story.Of(TimelineSource.HostKernel));
        Assert.StartsWith("it is over after 5 min", _story.Of(TimelineSource.Bridge)[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_fault_between_two_looks_begins_an_incident_too_and_a_fault_from_long_ago_does_not()
    {
        Hosts();
        _story.Storage.Kernel("I/O error, dev sda, sector 8 op 0x1:(WRITE)");
        _story.Wait(1);
        Assert.Single(_story.Incidents);
        _story.Wait(40);
        Assert.Contains("it is over", _story.Of(TimelineSource.Bridge)[^1], StringComparison.Ordinal);
        int told = _story.Entries.Count;
        _story.Wait(600);
        Assert.Equal(told, _story.Entries.Count);
    }

    [Fact]
    public void A_replacement_timeout_that_never_ends_or_is_over_is_told_as_what_it_is()
    {
        Hosts();
        Tree.Write("sys/class/iscsi_session/session1/recovery_tmo", "-1");
        Tree.SessionIs(1, "FAILED", "failed", "blocked");
        Tree.SessionIs(2, "FREE", "failed", "transport-offline");
        _story.Wait(1);
        Assert.Equal(
            $"session1 to {Array1} is FAILED: g1, g2, g7 will hang as long as it lasts (replacement_timeout -1)",
            _story.Of(TimelineSource.Bridge, Array1)[0]);
        Assert.Equal($"session2 to {Array2} is FREE: hits g3, g7", _story.Of(TimelineSource.Bridge, Array2)[0]);
    }

    [Fact]
    public void Dom0s_clock_that_is_set_in_the_middle_turns_nothing_around()
    {
        Hosts();
        FailArray1();
        _story.Wait(2);
        _story.ClockStep = TimeSpan.FromHours(-1);
        _story.Say(1, Verdict.Hung).Wait(2);
        Tree.SessionIs(1, "LOGGED_IN", "up", "running");
        _story.Wait(2);
        Assert.Equal(_story.Entries.Select(entry => entry.At).Order(), _story.Entries.Select(entry => entry.At));
    }

    [Fact]
    public void An_incident_of_a_group_that_every_guest_left_ends_and_its_disks_are_forgotten()
    {
        Hosts();
        FailArray1();
        foreach (int guest in (int[])[1, 2, 7])
        {
            _story.Step(new BridgeInput.GuestGone(TimelineStory.Identity(guest).Uuid, new DomainId(guest)));
        }

        // They may be restarting.
        _story.Wait(299);
        Assert.EndsWith("its domain is gone", _story.Of(TimelineSource.Bridge)[^1], StringComparison.Ordinal);
        _story.Wait(2);
        Assert.Contains("g1: its domain is gone", _story.Of(TimelineSource.Bridge));
        Assert.EndsWith("no guest of this host is on it any more", _story.Of(TimelineSource.Bridge)[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_timeline_for_people_has_the_newest_incident_first_and_the_time_since_its_beginning()
    {
        Hosts();
        FailArray1();
        _story.Wait(1);
        Tree.SessionIs(2, "FREE", "failed", "transport-offline");
        _story.Wait(1);
        string[] lines = _story.Text().Split('\n');
        Assert.Equal($"iscsi {Array2}, 2026-03-01 (UTC)", lines[0]);
        int first = Array.IndexOf(lines, $"iscsi {Array1}, 2026-03-01 (UTC)");
        Assert.Equal("03:00:32.000    +0.000 s  kernel  connection1:0: detected conn error (1020)", lines[first + 1]);
        Assert.Equal($"03:00:32.016    +0.016 s  storage session1 to {Array1} is FAILED", lines[first + 2]);
    }

    /// <summary>Two arrays: g1 and g2 on the first, g3 on the second, g7 on both; all well for long.</summary>
    private void Hosts()
    {
        Tree.Session(1, Array1);
        Tree.Session(2, Array2);
        foreach (int session in (int[])[1, 2])
        {
            Tree.Write($"sys/class/iscsi_session/session{session}/recovery_tmo", "5");
        }

        DeviceNumber first = Tree.IscsiDisk("sda", 0, session: 1);
        DeviceNumber second = Tree.IscsiDisk("sdb", 16, session: 1, lun: 2);
        DeviceNumber other = Tree.IscsiDisk("sdc", 32, session: 2);
        _story.Guest(1, first).Guest(2, second).Guest(3, other).Guest(7, second, other);
        _story.Settle();
        foreach (int guest in (int[])[1, 2, 3, 7])
        {
            _story.Say(guest, Verdict.Writable);
        }

        _story.Entries.Clear();
    }

    /// <summary>As the lab showed it: the line, the session 16 ms later, and its disks some milliseconds after that.</summary>
    private void FailArray1()
    {
        _story.Storage.Kernel(" connection1:0: detected conn error (1020)");
        Tree.SessionIs(1, "FAILED", "failed", "running");
        _story.PassMs(16);
        Tree.SessionIs(1, "FAILED", "failed", "blocked");
        _story.PassMs(30);
    }

    private IEnumerable<string> GuestsIn(string group)
        => _story.Entries.Where(entry => entry.Source == TimelineSource.Guest && entry.LunGroup.EndsWith(group, StringComparison.Ordinal))
            .Select(entry => entry.GuestName!);

    private static string[] Told(IEnumerable<TimelineEntry> entries)
        => [.. TimelineText.Write(entries).Split('\n').Skip(1).Where(line => line.Length > 0).Select(line => line[26..])];

    /// <summary>How many lines an entry stands for.</summary>
    private static int Repeats(string text)
    {
        string[] words = text[(text.LastIndexOf('(') + 1)..].Split(' ');
        return words[0] == "once" ? 1 : words[1] == "times" ? int.Parse(words[0]) : 1;
    }
}
