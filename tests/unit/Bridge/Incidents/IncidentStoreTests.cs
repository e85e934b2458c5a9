using HostBridge;
using HostBridge.Incidents;
using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;
using static Tests.Unit.Bridge.Incidents.StateDirectory;

namespace Tests.Unit.Bridge.Incidents;

/// <summary>What a restart finds in a real state directory.</summary>
public sealed class IncidentStoreTests : IDisposable
{
    private readonly StateDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void An_intent_without_an_end_is_found_open_with_everything_it_stood_on()
    {
        _directory.Run(Entry(TellKind.Intent, "about to restart it"));
        for (int restart = 0; restart < 2; restart++)
        {
            GuestHistory history = Assert.Single(_directory.Run().Guests);
            Assert.Null(history.Standing);
            Assert.Equal([Now], history.Recoveries);
            Assert.Equal(Guest(), history.Guest);
            OpenIntent open = history.Open!;
            Assert.Equal(
                ("reboot-1", Rung.Reboot, Now, new DomainId(5), Boot(7), "/"),
                (open.Intent.ToString(), open.Rung, open.Began, open.Domain!.Value, open.BootId, open.MountPoint));
            Assert.Empty(open.Steps);
        }
    }

    [Fact]
    public void The_steps_of_an_open_intent_come_back_in_their_order_with_their_disks()
    {
        var disks = new GuestDisks([new DeviceNumber(8, 16), new DeviceNumber(253, 3)], ["qdisk xvdb?"]);
        _directory.Run(
            Entry(TellKind.Intent, "about to"),
            Step(OfflineStep.Destroying, disks), Step(OfflineStep.Destroyed), Step(OfflineStep.Checking));
        OpenIntent open = Assert.Single(_directory.Run().Guests).Open!;
        Assert.Equal([OfflineStep.Destroying, OfflineStep.Destroyed, OfflineStep.Checking], open.Steps);
        Assert.Equal(disks.Devices, open.Disks.Devices);
        Assert.Equal(disks.Unmappable, open.Disks.Unmappable);
    }

    [Fact]
    public void An_intent_that_ended_is_not_open_but_counts()
    {
        _directory.Run(Entry(TellKind.Intent, "about to"), Entry(TellKind.Proof, "writes again", ends: true));
        GuestHistory history = Assert.Single(_directory.Run().Guests);
        Assert.Null(history.Open);
        Assert.Null(history.Standing);
        Assert.Equal([Now], history.Recoveries);
        Assert.Equal((null, Now), (history.FailedAt, history.ProvedAt));
    }

    [Fact]
    public void A_recovery_that_failed_is_known_as_that_until_a_person_acknowledges()
    {
        _directory.Run(
            Entry(TellKind.Intent, "about to"), Entry(TellKind.Operator, "fsck exit 4", ends: true, standing: true),
            Entry(TellKind.Operator, "never tried", guest: 2, standing: true));
        IReadOnlyList<GuestHistory> guests = _directory.Run().Guests;
        Assert.Equal([Now, null], guests.Select(guest => guest.FailedAt));
        _directory.Run(new StateChange.Acknowledged(Guest().Uuid));
        Assert.Null(_directory.Run().Guests[0].FailedAt);
    }

    [Fact]
    public void What_was_faulty_when_it_was_last_listed_is_remembered_until_something_else_is()
    {
        FilesystemHealth data = Filesystem("/my data", Verdict.RemountedReadOnly, "xfs");
        _directory.Run(Faulty(1, Filesystem(verdict: Verdict.JournalAborted), data), Faulty(guest: 2));
        FaultySeen seen = _directory.Run().Guests[0].Faulty!;
        Assert.Equal(Boot(7), seen.BootId);
        Assert.Equal(
            [
                (MountPoint.Root, FilesystemRole.Root, "xvda", "ext3", Verdict.JournalAborted),
                (data.MountPoint, FilesystemRole.Data, "xvda", "xfs", Verdict.RemountedReadOnly),
            ],
            seen.Filesystems.Select(one => (one.MountPoint, one.Role, one.Device, one.FilesystemType, one.Verdict)));

        _directory.Run(Faulty(1, data), new StateChange.Remembered(Guest(2), new FaultySeen(Boot(7), []), Now));
        GuestHistory only = Assert.Single(_directory.Run().Guests);
        Assert.Equal(data.MountPoint, Assert.Single(only.Faulty!.Filesystems).MountPoint);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_person_who_acknowledges_ends_what_stands_and_what_is_remembered(bool whileItRuns)
    {
        _directory.Run(Entry(TellKind.Operator, "out of sight", standing: true), Faulty());
        if (whileItRuns)
        {
            _directory.Run(new StateChange.Acknowledged(Guest().Uuid));
        }
        else
        {
            File.Delete(_directory.HoldPath());
        }

        Assert.Empty(_directory.Run().Guests);
        Assert.False(File.Exists(_directory.HoldPath()));
    }

    [Fact]
    public void An_order_ends_what_stands_and_keeps_what_is_remembered_in_one_write()
    {
        _directory.Run(Entry(TellKind.Operator, "out of sight", standing: true), Faulty() with { EndsStanding = true });
        GuestHistory history = Assert.Single(_directory.Run().Guests);
        Assert.Null(history.Standing);
        Assert.Equal(MountPoint.FromText("/srv"), Assert.Single(history.Faulty!.Filesystems).MountPoint);
        Assert.False(File.Exists(_directory.HoldPath()));
    }

    [Fact]
    public void The_end_of_another_intent_leaves_an_open_one_open()
    {
        _directory.Run(
            Entry(TellKind.Intent, "about to", request: "reboot-2"),
            Entry(TellKind.Operator, "gave up", request: "reboot-1", ends: true),
            Entry(TellKind.Operator, "gave up", guest: 2, request: "reboot-2", ends: true));
        Assert.Equal("reboot-2", _directory.Run().Guests.First(one => one.Guest == Guest()).Open!.Intent.ToString());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_intent_whose_end_could_not_be_written_is_over_once_the_guest_is_proved_or_a_person_is_called(bool proved)
    {
        _directory.Run(Entry(TellKind.Intent, "about to restart it"));
        _directory.Run(proved
            ? Entry(TellKind.Proof, "everything is well again", request: "")
            : Entry(TellKind.Operator, "needed", request: "", standing: true));
        Assert.Null(Assert.Single(_directory.Run().Guests).Open);
    }

    [Fact]
    public void A_second_intent_of_a_guest_ends_the_first()
    {
        _directory.Run(Entry(TellKind.Intent, "one"), Entry(TellKind.Intent, "two", request: "reboot-2"));
        Assert.Equal("reboot-2", Assert.Single(_directory.Run(
            Entry(TellKind.Proof, "well", request: "reboot-2", ends: true)).Guests).Open!.Intent.ToString());
        Assert.Null(Assert.Single(_directory.Run().Guests).Open);
    }

    [Fact]
    public void An_intent_that_is_withdrawn_is_not_open()
    {
        using (IncidentStore store = _directory.Store())
        {
            store.Open();
            var intent = (StateChange.Story)Entry(TellKind.Intent, "about to");
            store.Append([intent]);
            store.Withdraw(intent.Entry, Now);
        }

        Assert.Null(Assert.Single(_directory.Run().Guests).Open);
    }

    [Fact]
    public void What_called_for_an_operator_stands_until_a_proof()
    {
        _directory.Run(
            Entry(TellKind.Intent, "about to"), Entry(TellKind.Operator, "fsck exit 4", ends: true, standing: true));
        Assert.Equal(
            new RecoveryState.NeedsOperator("fsck exit 4", OperatorRelease.WhenHealthy, MountPoint.Root),
            Assert.Single(_directory.Run(Entry(TellKind.Proof, "well again")).Guests).Standing);
        Assert.Null(Assert.Single(_directory.Run().Guests).Standing);
        Assert.False(File.Exists(_directory.HoldPath()));
    }

    [Fact]
    public void What_called_for_an_operator_is_held_until_a_person_removes_the_hold()
    {
        using (IncidentStore store = _directory.Store())
        {
            store.Open();
            store.Append([Entry(TellKind.Operator, "fsck exit 4", standing: true)]);
            Assert.Contains(_directory.HoldPath(), File.ReadAllText(_directory.HoldPath()));
            Assert.Empty(store.TakeReleased());
            File.Delete(_directory.HoldPath());
            Assert.Equal([Guest().Uuid], store.TakeReleased());
            Assert.Empty(store.TakeReleased());
        }

        Assert.Empty(_directory.Run().Guests);
    }

    [Fact]
    public void Whoever_removes_a_hold_while_no_bridge_runs_acknowledges_as_well()
    {
        _directory.Run(Entry(TellKind.Operator, "fsck exit 4", standing: true));
        File.Delete(_directory.HoldPath());
        Assert.Empty(_directory.Run().Guests);
    }

    [Fact]
    public void A_proof_and_a_new_fault_written_at_once_leave_the_new_fault_held()
    {
        using (IncidentStore store = _directory.Store())
        {
            store.Open();
            store.Append([Entry(TellKind.Operator, "first", standing: true)]);
            store.Append([Entry(TellKind.Proof, "well"), Entry(TellKind.Operator, "second", standing: true)]);
        }

        Assert.Equal("second", Assert.Single(_directory.Run().Guests).Standing!.Reason);
    }

    [Fact]
    public void A_hold_outlives_a_database_that_is_moved_away_and_the_new_one_is_told_of()
    {
        _directory.Run(Entry(TellKind.Operator, "fsck exit 4", standing: true));
        File.Delete(_directory.DatabasePath);
        RestoredIncidents restored = _directory.Run();
        GuestHistory history = Assert.Single(restored.Guests);
        Assert.Equal((Guest().Uuid, OperatorRelease.WhenAcknowledged), (history.Guest.Uuid, history.Standing!.Release));
        Assert.Contains("fsck exit 4", history.Standing.Reason);
        Assert.Contains("recoveries are counted from none", restored.Warning);
    }

    [Fact]
    public void The_first_start_of_all_has_nothing_to_tell()
        => Assert.Null(_directory.Run().Warning);

    [Fact]
    public void What_is_kept_is_for_its_owner_alone()
    {
        using IncidentStore store = _directory.Store();
        store.Open();
        store.Append([Entry(TellKind.Report, "first")]);
        foreach (string end in (string[])["", "-wal", "-shm"])
        {
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_directory.DatabasePath + end));
        }
    }

    [Fact]
    public void Pauses_come_back_until_they_are_ended()
    {
        var ofAll = new SavedPause(Guest: null, Now.AddHours(1));
        var ofOne = new SavedPause(Guest().Uuid, Until: null);
        _directory.Run(
            new StateChange.Paused(ofAll with { Until = null }), new StateChange.Paused(ofOne),
            new StateChange.Paused(ofAll));
        Assert.Equal([ofAll, ofOne], _directory.Run(new StateChange.Resumed(null)).Pauses.OrderBy(pause => pause.Guest));
        Assert.Equal([ofOne], _directory.Run(new StateChange.Resumed(Guest().Uuid)).Pauses);
        Assert.Empty(_directory.Run().Pauses);
    }

    [Fact]
    public void The_story_is_read_beside_the_bridge_that_writes_it()
    {
        using IncidentStore store = _directory.Store();
        store.Open();
        store.Append([Entry(TellKind.Report, "first"), Entry(TellKind.Report, "other", guest: 2)]);
        store.Append([Entry(TellKind.Intent, "second")]);
        store.Append([Entry(TellKind.Report, "third")]);
        IReadOnlyList<IncidentEntry> story = IncidentReader.ReadStory(_directory.Folder, Guest().Uuid, max: 2);
        Assert.Equal(["second", "third"], story.Select(entry => entry.Text));
        Assert.Equal(((StateChange.Story)Entry(TellKind.Intent, "second")).Entry, story[0]);
        Assert.Equal(4, IncidentReader.ReadStory(_directory.Folder, guest: null, max: 10).Count);
    }

    [Fact]
    public void A_database_that_is_moved_away_acknowledges_nothing_and_takes_no_intent()
    {
        using IncidentStore store = _directory.Store();
        store.Open();
        store.Append([Entry(TellKind.Operator, "fsck exit 4", standing: true)]);
        string moved = _directory.Folder + "-moved";
        Directory.Move(_directory.Folder, moved);
        try
        {
            Assert.ThrowsAny<IOException>(store.TakeReleased);
            Assert.ThrowsAny<IOException>(() => store.Append([Entry(TellKind.Intent, "about to")]));
        }
        finally
        {
            Directory.Move(moved, _directory.Folder);
        }

        Assert.Empty(store.TakeReleased());
        store.Append([Entry(TellKind.Intent, "about to")]);
    }

    [Fact]
    public void Another_database_in_its_place_takes_no_intent_either()
    {
        using IncidentStore store = _directory.Store();
        store.Open();
        File.Move(_directory.DatabasePath, _directory.DatabasePath + ".old");
        File.Copy(_directory.DatabasePath + ".old", _directory.DatabasePath);
        Assert.Contains(
            "moved away",
            Assert.Throws<IOException>(() => store.Append([Entry(TellKind.Intent, "about to")])).Message);
    }

    [Fact]
    public void Another_program_that_reads_holds_up_nobody()
    {
        using IncidentStore store = _directory.Store();
        store.Open();
        store.Append([Entry(TellKind.Report, "first"), Entry(TellKind.Report, "second")]);
        using StateDatabase reader = StateDatabase.OpenToRead(_directory.DatabasePath);
        using var rows = reader.Command("SELECT text FROM story").ExecuteReader();
        Assert.True(rows.Read());
        store.Append([Entry(TellKind.Intent, "about to")]);
        Assert.True(rows.Read());
        Assert.False(rows.Read());
    }

    [Fact]
    public void Another_program_that_writes_and_does_not_end_is_named_as_the_reason()
    {
        using IncidentStore store = _directory.Store();
        store.Open();
        using (StateDatabase other = StateDatabase.Open(_directory.DatabasePath, StateSchema.Steps))
        {
            other.Run("BEGIN IMMEDIATE");
            Assert.Contains(
                "another program holds it locked",
                Assert.Throws<IOException>(() => store.Append([Entry(TellKind.Intent, "about to")])).Message);
        }

        store.Append([Entry(TellKind.Intent, "about to")]);
    }

    [Fact]
    public void A_second_bridge_on_the_same_directory_is_refused_by_naming_the_first()
    {
        using (IncidentStore first = _directory.Store())
        {
            Assert.Equal(
                $"{_directory.Folder} is in use by another host-bridge (process {Environment.ProcessId}); "
                    + "stop that one, or give this one a state-directory of its own.",
                StateLock.TryTake(_directory.Folder).Refusal);
            using var second = new IncidentStore(_directory.Folder, stateLock: null);
            Assert.Throws<IOException>(second.Open);
            first.Open();
        }

        using StateLock? later = StateLock.TryTake(_directory.Folder).Lock;
        Assert.NotNull(later);
    }

    [Fact]
    public async Task The_program_ends_at_once_when_another_bridge_has_the_directory()
    {
        using StateLock? first = StateLock.TryTake(_directory.Folder).Lock;
        Task<int> second =
            CommandLine.RunAsync(["--state-directory", _directory.Folder, "--xenstore", "/nowhere/socket"]);
        Assert.Equal(
            CommandLine.InUseExitCode,
            await second.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_state_directory_that_is_a_file_is_refused()
    {
        string file = Path.Combine(_directory.Folder, "file");
        File.WriteAllText(file, string.Empty);
        Assert.ThrowsAny<IOException>(() => StateLock.TryTake(file));
    }

    [Fact]
    public void An_entry_is_one_line_of_JSON_with_the_words_of_the_wire()
    {
        string line = ((StateChange.Story)Entry(TellKind.Intent, "<a'b>\n\u001b")).Entry.ToJson();
        string expected = "{'time':'2026-03-01T04:05:06+00:00','guest':'00000001-0000-0000-0000-000000000000',"
            + "'name':'web1','domain':5,'kind':'intent','text':'<aQb>\\n\\u001B','mount':'/','verdict':'journal-aborted',"
            + "'claims':'rw','hidden':true,'since':'1970-01-01T00:00:00+00:00',"
            + "'boot-id':'00000000-0000-0000-0000-000000000007','rung':'reboot','request':'reboot-1'}";
        Assert.Equal(expected.Replace('\'', '"').Replace('Q', '\''), line);
    }

    [Fact]
    public void What_a_guest_is_called_is_never_taken_for_SQL()
    {
        const string name = "'); DROP TABLE intent; --\u0001é";
        var change = (StateChange.Story)Entry(TellKind.Intent, name);
        _directory.Run(change with { Entry = change.Entry with { Name = name } });
        Assert.Equal(name, Assert.Single(_directory.Run().Guests).Guest.Name);
    }
}
