using HostBridge.Recovery;
using HostBridge.Storage.Judging;
using Tests.Unit.Bridge.Storage.Fixtures;
using Xunit;

namespace Tests.Unit.Bridge.Storage;

/// <summary>One path to an iSCSI LUN, in the states that a real Dom0 showed; and what its guests' gates say.</summary>
public sealed class IscsiGateTests : IDisposable
{
    private const string Target = "iqn.2026-01.org.example:array1";

    private readonly StorageStory _story = new();
    private readonly DeviceNumber _first;
    private readonly DeviceNumber _second;

    public IscsiGateTests()
    {
        _story.Tree.Session(1, Target);
        _story.Tree.Session(2, "iqn.2026-01.org.example:array2");
        _first = _story.Tree.IscsiDisk("sda", 0, session: 1);
        _second = _story.Tree.IscsiDisk("sdb", 16, session: 2);
        _story.Guest(5, _first).Guest(6, _second).Guest(7, _first, _second);
    }

    public void Dispose() => _story.Dispose();

    [Fact]
    public void A_disk_whose_session_is_logged_in_opens_the_gate_once_it_was_read_and_stable_for_30_seconds()
    {
        Assert.Contains("a direct read of sda is awaited", _story.Wait(1).Closed(5), StringComparison.Ordinal);
        Assert.Contains("less than 30 s", _story.Wait(29).Closed(5), StringComparison.Ordinal);
        string evidence = _story.Wait(2).Open(5).Evidence;
        Assert.Contains("session1 to iqn.2026-01.org.example:array1 is LOGGED_IN", evidence, StringComparison.Ordinal);
        Assert.Contains("connection1:0 to 10.0.2.2:3260 is up", evidence, StringComparison.Ordinal);
        Assert.Null(_story.View(5).LastFault);
        Assert.Equal([$"iscsi {Target}"], _story.View(5).LunGroups);
    }

    [Theory]
    [InlineData("FAILED", "failed", "blocked")] // target killed, replacement_timeout still running
    [InlineData("FAILED", "bound", "blocked")] // target stopped
    [InlineData("FREE", "failed", "transport-offline")] // replacement_timeout is over; packets dropped too
    public void A_session_that_is_down_closes_the_gates_of_its_guests_and_of_no_others(
        string session, string connection, string disk)
    {
        _story.Settle();
        Assert.Empty(_story.Affected());
        _story.Tree.SessionIs(1, session, connection, disk);
        _story.Wait(1);
        Assert.Equal([5, 7], _story.Affected());
        Assert.Equal(
            $"sda (8:0): sda is {disk}, session1 to {Target} is {session}, connection1:0 to 10.0.2.2:3260 is {connection}",
            _story.Closed(5));
        Assert.Equal(_story.Now, _story.View(5).LastFault!.At);
        Assert.Null(_story.View(6).LastFault);
    }

    [Fact]
    public void A_session_closes_the_gate_before_the_kernel_has_blocked_its_disk()
    {
        _story.Settle();
        _story.Tree.SessionIs(1, "FAILED", "failed", "running");
        Assert.Equal(
            $"sda (8:0): session1 to {Target} is FAILED, connection1:0 to 10.0.2.2:3260 is failed",
            _story.Wait(1).Closed(5));
    }

    [Fact]
    public void A_blocked_device_is_not_read_and_must_be_read_again_once_it_runs()
    {
        _story.Settle();
        _story.Tree.SessionIs(1, "FAILED", "bound", "blocked");
        _story.Wait(1).WasRead.Clear();
        _story.Wait(60);
        Assert.DoesNotContain(_first, _story.WasRead);
        _story.Tree.SessionIs(1, "LOGGED_IN", "up", "running");
        Assert.Contains("a direct read of sda is awaited", _story.Wait(1).Closed(5), StringComparison.Ordinal);
        Assert.Contains("less than 30 s", _story.Wait(1).Closed(5), StringComparison.Ordinal);
        Assert.Equal(_story.Wait(30).Now, _story.Open(5).Since);
    }

    [Fact]
    public void A_fault_stays_evidence_of_the_host_after_the_storage_is_back()
    {
        _story.Settle();
        _story.Tree.SessionIs(1, "FREE", "failed", "transport-offline");
        TimeSpan lastSeen = _story.Wait(600).Now;
        _story.Tree.SessionIs(1, "LOGGED_IN", "up", "running");
        _story.Settle();
        Assert.IsType<StorageGate.Open>(_story.View(5).Gate);
        Assert.Equal(lastSeen, _story.View(5).LastFault!.At);
    }

    [Fact]
    public void A_failover_between_two_looks_is_seen_by_the_kernels_log_and_begins_the_count_anew()
    {
        _story.Settle();
        _story.Kernel(" connection1:0: detected conn error (1020)");
        Assert.Contains("a direct read of sda is awaited", _story.Wait(1).Closed(5), StringComparison.Ordinal);
        Assert.Equal([5, 7], _story.Affected());
        Assert.Contains("detected conn error (1020)", _story.View(7).LastFault!.Text, StringComparison.Ordinal);
        _story.Wait(31);
        Assert.Empty(_story.Affected());
    }

    [Theory]
    [InlineData("connection1:0: ping timeout of 5 secs expired, recv timeout 5, last rx 4294937, last ping 4294938, now 4294940")]
    [InlineData("connection1:0: detected conn error (1022)")]
    [InlineData("connection1:0: detected conn error (1011)")]
    [InlineData(" session1: session recovery timed out after 5 secs")]
    [InlineData("sd 0:0:0:1: rejecting I/O to offline device")]
    [InlineData("sd 0:0:0:1: [sda] tag#12 FAILED Result: hostbyte=DID_TRANSPORT_DISRUPTED driverbyte=DRIVER_OK cmd_age=5s")]
    [InlineData("sd 0:0:0:1: [sda] tag#3 timing out command, waited 180s")]
    [InlineData("sd 0:0:0:1: Device offlined - not ready after error recovery")]
    [InlineData("sd 0:0:0:1: Power-on or device reset occurred")]
    [InlineData("sd 0:0:0:1: [sda] tag#7 Add. Sense: Power on, reset, or bus device reset occurred")]
    [InlineData("I/O error, dev sda, sector 1318944 op 0x1:(WRITE) flags 0x8800 phys_seg 1 prio class 2")]
    [InlineData("blk_update_request: I/O error, dev sda, sector 8 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 0")]
    [InlineData("end_request: I/O error, dev sda, sector 8")]
    [InlineData("Buffer I/O error on dev sda, logical block 0, async page read")]
    public void A_line_of_the_kernel_that_names_a_part_of_a_disk_is_a_fault_of_that_disk_alone(string line)
    {
        _story.Settle();
        _story.Kernel(line);
        _story.Wait(1);
        Assert.Equal([5, 7], _story.Affected());
        Assert.NotNull(_story.View(5).LastFault);
        Assert.Null(_story.View(6).LastFault);
    }

    [Theory]
    [InlineData("operation not supported error, dev sda, sector 0 op 0x9:(WRITE_ZEROES) flags 0x800 phys_seg 0 prio class 0")]
    [InlineData("sd 0:0:0:1: [sda] Synchronizing SCSI cache")]
    [InlineData("sd 0:0:0:1: [sda] Write Protect is off")]
    [InlineData("EXT4-fs (sda): mounted filesystem")]
    public void Lines_of_an_ordinary_life_are_none(string line)
    {
        _story.Settle();
        _story.Kernel(line);
        Assert.Empty(_story.Wait(1).Affected());
    }

    [Fact]
    public void A_line_that_a_program_wrote_into_the_kernels_log_is_no_evidence()
    {
        _story.Settle();
        _story.Kernel("I/O error, dev sda, sector 8", facility: 1);
        Assert.Empty(_story.Wait(1).Affected());
        Assert.Null(_story.View(5).LastFault);
    }

    [Fact]
    public void A_name_that_was_given_to_another_disk_leaves_its_faults_behind()
    {
        _story.Kernel("I/O error, dev sda, sector 8");
        _story.Kernel("sd 0:0:0:1: rejecting I/O to offline device");
        _story.Kernel("sd 0:0:0:1: [sda] Attached SCSI disk");
        _story.Settle();
        Assert.Null(_story.View(5).LastFault);
    }

    [Fact]
    public void A_direct_read_that_fails_or_does_not_return_closes_the_gate_whatever_the_states_say()
    {
        _story.Settle();
        _story.Answers[_first] = "EIO";
        Assert.Contains("a direct read of sda failed (EIO)", _story.Wait(36).Closed(5), StringComparison.Ordinal);
        Assert.NotNull(_story.View(5).LastFault);
        _story.Answers[_first] = "hangs";
        _story.Wait(10);
        Assert.Matches("a direct read of sda has not returned for [5-9] s", _story.Closed(5));
        int reads = _story.WasRead.Count(device => device == _first);
        _story.Wait(600);
        Assert.Equal(reads, _story.WasRead.Count(device => device == _first));
        Assert.IsType<StorageGate.Open>(_story.View(6).Gate);
    }

    [Fact]
    public void A_read_that_was_under_way_during_a_fault_says_nothing()
    {
        _story.Answers[_first] = "hangs";
        _story.Wait(2);
        _story.Tree.SessionIs(1, "FAILED", "bound", "blocked");
        _story.Wait(5);
        _story.Tree.SessionIs(1, "LOGGED_IN", "up", "running");
        _story.Answers.Remove(_first);
        _story.Reads.Take(_first, ReadResult.Read, "", TimeSpan.FromMilliseconds(6000));
        Assert.Contains("a direct read of sda is awaited", _story.Wait(1).Closed(5), StringComparison.Ordinal);
        Assert.DoesNotContain("awaited", _story.Wait(1).Closed(5), StringComparison.Ordinal);
    }

    [Fact]
    public void The_first_read_after_a_target_was_started_anew_meets_its_reset_and_is_made_again()
    {
        _story.Settle();
        _story.Tree.SessionIs(1, "FREE", "failed", "transport-offline");
        _story.Wait(10);
        _story.Answers[_first] = "hangs";
        _story.Tree.SessionIs(1, "LOGGED_IN", "up", "running");
        _story.Wait(2).Kernel("sd 0:0:0:1: Power-on or device reset occurred");
        _story.Answers.Remove(_first);
        _story.Reads.Take(_first, ReadResult.Read, "", TimeSpan.FromMilliseconds(90));
        Assert.Contains("a direct read of sda is awaited", _story.Wait(1).Closed(5), StringComparison.Ordinal);
        Assert.Contains("less than 30 s", _story.Wait(1).Closed(5), StringComparison.Ordinal);
        Assert.IsType<StorageGate.Open>(_story.Wait(30).View(5).Gate);
    }

    [Fact]
    public void The_reset_at_the_end_of_a_failure_is_not_what_a_person_is_told_of()
    {
        const string Reset = "sd 0:0:0:1: Power-on or device reset occurred";
        _story.Settle();
        _story.Kernel("sd 0:0:0:1: rejecting I/O to offline device");
        _story.Wait(9).Kernel(Reset);
        _story.Wait(1);
        Assert.Contains("rejecting I/O", _story.View(5).LastFault!.Text, StringComparison.Ordinal);
        Assert.IsType<StorageGate.Closed>(_story.View(5).Gate);
        _story.Wait(31);
        Assert.IsType<StorageGate.Open>(_story.View(5).Gate);
        _story.Wait(700).Kernel(Reset);
        _story.Wait(1);
        Assert.Contains("reset occurred", _story.View(5).LastFault!.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_disk_that_became_another_closes_the_gate_of_the_domain_that_had_the_first()
    {
        _story.Settle();
        _story.Tree.Write(SysfsTree.Of(_first, "device/wwid"), "naa.6001405ffffffff");
        Assert.Contains("was naa.600140500000000 of 2097152 sectors when domain 5 was first seen",
            _story.Wait(1).Closed(5), StringComparison.Ordinal);
        _story.Guest(9, _first);
        Assert.IsType<StorageGate.Open>(_story.Wait(1).View(9).Gate);
    }

    [Fact]
    public void A_disk_that_changed_its_size_closes_the_gate()
    {
        _story.Settle();
        _story.Tree.Write(SysfsTree.Of(_first, "size"), "4194304");
        Assert.Contains("of 4194304 sectors, but was", _story.Wait(1).Closed(5), StringComparison.Ordinal);
    }

    [Fact]
    public void A_read_only_disk_closes_the_gate_and_is_no_fault()
    {
        _story.Settle();
        _story.Tree.Write(SysfsTree.Of(_first, "ro"), "1");
        Assert.Equal("sda (8:0): sda is read-only", _story.Wait(1).Closed(5));
        Assert.Null(_story.View(5).LastFault);
    }

    [Fact]
    public void A_kernel_that_tells_no_state_of_connections_is_believed_on_its_sessions()
    {
        _story.Tree.Remove("sys/class/iscsi_connection/connection1:0/state");
        Assert.Empty(_story.Settle().Affected());
    }

    [Fact]
    public void A_logged_out_session_takes_its_disk_away_and_the_group_is_still_known()
    {
        _story.Settle();
        _story.Tree.Remove(SysfsTree.Of(_first, string.Empty).TrimEnd('/'));
        Assert.Equal("device 8:0: device 8:0 is not there (logged out or removed)", _story.Wait(1).Closed(5));
        Assert.Equal([$"iscsi {Target}"], _story.View(5).LunGroups);
        Assert.NotNull(_story.View(5).LastFault);
    }

    [Theory]
    [InlineData("device/state", "sda: its state cannot be read")]
    [InlineData("ro", "whether it is read-only cannot be read")]
    [InlineData("size", "its size cannot be read")]
    public void A_half_removed_device_closes_the_gate_with_that_reason(string attribute, string reason)
    {
        _story.Settle();
        string path = SysfsTree.Of(_first, attribute);
        _story.Tree.Remove(path);
        // A folder can be opened but not read: a read of sysfs that fails.
        Directory.CreateDirectory(Path.Combine(_story.Tree.Root, path));
        Assert.Contains(reason, _story.Wait(1).Closed(5), StringComparison.Ordinal);
        Assert.Equal(attribute == "size" ? null : 1 << 30, _story.Of(_first).SizeBytes);
    }

    [Fact]
    public void A_session_whose_entry_is_gone_while_its_disk_stays_closes_the_gate()
    {
        _story.Settle();
        _story.Tree.Remove("sys/class/iscsi_session/session1");
        Assert.Contains("session1 to : its state cannot be read", _story.Wait(1).Closed(5), StringComparison.Ordinal);
    }
}
