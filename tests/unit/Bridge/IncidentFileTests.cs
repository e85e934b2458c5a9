using HostBridge;
using HostBridge.Correlation;
using HostBridge.Incidents;
using HostBridge.Recovery;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>The incident log in a real directory, over restarts.</summary>
public sealed class IncidentFileTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 4, 5, 6, TimeSpan.Zero);
    private readonly string _directory = Directory.CreateTempSubdirectory("host-bridge-").FullName;

    private string HoldPath => Path.Combine(_directory, "holds", Guest().Uuid.ToString("D"));

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static IncidentEntry Entry(TellKind kind, string text, bool ends = false, bool standing = false)
        => IncidentEntry.Of(Guest(), new DomainId(5), kind, text, FactsOfRequest("reboot-1"), Now) with
        {
            EndsIntent = ends ? true : null,
            Standing = standing ? true : null,
        };

    private static IncidentFacts FactsOfRequest(string id)
        => new()
        {
            Filesystem = Filesystem(verdict: Protocol.Health.Verdict.JournalAborted),
            Rung = Rung.Reboot,
            RequestId = Protocol.Health.RequestId.TryParse(id, out var request) ? request : default,
        };

    private RestoredIncidents Run(params IncidentEntry[] entries)
    {
        using var file = new IncidentFile(_directory);
        RestoredIncidents restored = file.Open(Now);
        foreach (IncidentEntry entry in entries)
        {
            file.Append(entry, durable: true);
        }

        return restored;
    }

    [Fact]
    public void A_moment_of_a_storage_incident_comes_back_as_it_was_and_is_no_guests_story()
    {
        var moment = new TimelineEntry
        {
            Incident = "iscsi iqn.x 1",
            LunGroup = "iscsi iqn.x",
            At = Now,
            Source = TimelineSource.Guest,
            Guest = Guest().Uuid,
            GuestName = "web1",
            Text = "it reports: / is \"hung\"",
        };
        using (var file = new IncidentFile(_directory))
        {
            file.Append(moment);
            file.Append(moment with { Guest = null, GuestName = null, Source = TimelineSource.Storage });
        }

        Assert.Empty(Run().Guests);
        string[] lines = File.ReadAllLines(IncidentFile.TimelineIn(_directory));
        Assert.Equal(moment, IncidentFile.TryParseMoment(lines[0]));
        Assert.Null(IncidentFile.TryParseMoment(lines[1])!.Guest);
        Assert.Null(IncidentFile.TryParseMoment(lines[1][..20]));
    }

    [Fact]
    public void An_entry_is_one_line_of_JSON_with_the_words_of_the_wire()
    {
        Run(Entry(TellKind.Intent, "about to restart it"));
        string line = Assert.Single(File.ReadAllLines(Path.Combine(_directory, "incidents.jsonl")));
        string expected = "{'time':'2026-03-01T04:05:06+00:00','guest':'00000001-0000-0000-0000-000000000000',"
            + "'name':'web1','domain':5,'kind':'intent','text':'about to restart it','mount':'/',"
            + "'verdict':'journal-aborted','claims':'rw','hidden':true,'since':'1970-01-01T00:00:00+00:00','rung':'reboot','request':'reboot-1'}";
        Assert.Equal(
            expected.Replace('\'', '"'),
            line);
    }

    [Fact]
    public void An_intent_without_an_end_holds_the_guest_until_a_person_removes_the_hold()
    {
        Run(Entry(TellKind.Intent, "about to restart it"));
        for (int restart = 0; restart < 2; restart++)
        {
            GuestHistory history = Assert.Single(Run().Guests);
            Assert.Equal(OperatorRelease.WhenAcknowledged, history.Standing!.Release);
            Assert.Contains("in the middle of reboot of /", history.Standing.Reason);
            Assert.Contains(HoldPath, history.Standing.Reason);
            Assert.Equal([Now], history.Recoveries);
        }

        File.Delete(HoldPath);
        Assert.Null(Assert.Single(Run().Guests).Standing);
    }

    [Fact]
    public void An_intent_that_ended_holds_nobody_but_counts()
    {
        Run(Entry(TellKind.Intent, "about to"), Entry(TellKind.Proof, "writes again", ends: true));
        GuestHistory history = Assert.Single(Run().Guests);
        Assert.Null(history.Standing);
        Assert.Equal([Now], history.Recoveries);
    }

    [Fact]
    public void What_called_for_an_operator_stands_until_a_proof()
    {
        Run(Entry(TellKind.Intent, "about to"), Entry(TellKind.Operator, "fsck exit 4", ends: true, standing: true));
        Assert.Equal(
            new RecoveryState.NeedsOperator("fsck exit 4", OperatorRelease.WhenHealthy, MountPoint.Root),
            Assert.Single(Run(Entry(TellKind.Proof, "well again")).Guests).Standing);
        Assert.Null(Assert.Single(Run().Guests).Standing);
        Assert.False(File.Exists(HoldPath));
    }

    [Fact]
    public void What_called_for_an_operator_is_held_until_a_person_removes_the_hold()
    {
        using (var file = new IncidentFile(_directory))
        {
            file.Open(Now);
            file.Append(Entry(TellKind.Operator, "fsck exit 4", standing: true), durable: true);
            Assert.Contains(HoldPath, File.ReadAllText(HoldPath));
            Assert.Empty(file.TakeReleased());
            File.Delete(HoldPath);
            Assert.Equal([Guest().Uuid], file.TakeReleased());
            Assert.Empty(file.TakeReleased());
        }

        Assert.Null(Assert.Single(Run().Guests).Standing);
    }

    [Fact]
    public void An_intent_begun_after_an_acknowledgement_is_held_as_one_that_nobody_knows_the_end_of()
    {
        Run(Entry(TellKind.Operator, "fsck exit 4", standing: true));
        File.Delete(HoldPath);
        Run(Entry(TellKind.Intent, "about to restart it"));
        Assert.Equal(OperatorRelease.WhenAcknowledged, Assert.Single(Run().Guests).Standing!.Release);
    }

    [Fact]
    public void A_hold_outlives_a_log_that_is_moved_away()
    {
        Run(Entry(TellKind.Operator, "fsck exit 4", standing: true));
        File.Delete(Path.Combine(_directory, "incidents.jsonl"));
        GuestHistory history = Assert.Single(Run().Guests);
        Assert.Equal((Guest().Uuid, OperatorRelease.WhenAcknowledged), (history.Guest.Uuid, history.Standing!.Release));
        Assert.Contains("fsck exit 4", history.Standing.Reason);
    }

    [Fact]
    public void A_directory_that_is_gone_acknowledges_nothing_and_takes_no_intent()
    {
        using var file = new IncidentFile(_directory);
        file.Open(Now);
        file.Append(Entry(TellKind.Operator, "fsck exit 4", standing: true), durable: true);
        string moved = _directory + "-moved";
        Directory.Move(_directory, moved);
        try
        {
            Assert.ThrowsAny<IOException>(file.TakeReleased);
            Assert.ThrowsAny<IOException>(() => file.Append(Entry(TellKind.Intent, "about to"), durable: true));
        }
        finally
        {
            Directory.Move(moved, _directory);
        }

        Assert.Empty(file.TakeReleased());
    }

    [Fact]
    public void What_another_hand_appended_is_not_overwritten()
    {
        using var file = new IncidentFile(_directory);
        file.Open(Now);
        file.Append(Entry(TellKind.Report, "first"), durable: false);
        File.AppendAllText(file.LogPath, "{\"a note\":\"by a person\"}\n");
        file.Append(Entry(TellKind.Report, "second"), durable: false);
        string[] lines = File.ReadAllLines(file.LogPath);
        Assert.Equal(3, lines.Length);
        Assert.Contains("by a person", lines[1]);
    }

    [Fact]
    public void A_second_bridge_on_the_same_directory_is_refused_by_naming_the_first()
    {
        using (var first = new IncidentFile(_directory))
        {
            Assert.Null(first.Claim());
            using var second = new IncidentFile(_directory);
            string? refusal = second.Claim();
            Assert.Equal(
                $"{_directory} is in use by another host-bridge (process {Environment.ProcessId}); "
                    + "stop that one, or give this one a state-directory of its own.",
                refusal);
            Assert.Throws<IOException>(() => second.Open(Now));
            first.Open(Now);
        }

        using var later = new IncidentFile(_directory);
        Assert.Null(later.Claim());
    }

    [Fact]
    public async Task The_program_ends_at_once_when_another_bridge_has_the_directory()
    {
        using var first = new IncidentFile(_directory);
        Assert.Null(first.Claim());
        Task<int> second = CommandLine.RunAsync(["--state-directory", _directory, "--xenstore", "/nowhere/socket"]);
        Assert.Equal(
            CommandLine.InUseExitCode,
            await second.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_torn_last_line_is_counted_and_does_not_spoil_the_next()
    {
        Run(Entry(TellKind.Report, "first"));
        string path = Path.Combine(_directory, "incidents.jsonl");
        File.AppendAllText(path, """{"time":"2026-""");
        Assert.Equal(1, Run(Entry(TellKind.Intent, "about to")).MalformedLines);
        RestoredIncidents restored = Run();
        Assert.Equal(1, restored.MalformedLines);
        Assert.NotNull(Assert.Single(restored.Guests).Standing);
    }

    [Fact]
    public void A_state_directory_that_is_a_file_is_refused()
    {
        string file = Path.Combine(_directory, "file");
        File.WriteAllText(file, string.Empty);
        using var incidents = new IncidentFile(file);
        Assert.ThrowsAny<IOException>(() => incidents.Open(Now));
    }

    [Fact]
    public void Angle_brackets_stay_one_byte_and_control_characters_are_escaped()
    {
        using (var file = new IncidentFile(_directory))
        {
            file.Open(Now);
            file.Append(Entry(TellKind.Report, "<a'b>\n\u001b"), durable: false);
        }

        string line = Assert.Single(File.ReadAllLines(Path.Combine(_directory, "incidents.jsonl")));
        Assert.Contains("<a'b>\\n\\u001B", line);
        Assert.DoesNotContain('\u001b', line);
    }
}
