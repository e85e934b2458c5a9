using HostBridge;
using HostBridge.Incidents;
using HostBridge.Recovery;
using Microsoft.Extensions.Logging.Abstractions;
using Protocol.Health;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;
using static Tests.Unit.Bridge.Incidents.StateDirectory;

namespace Tests.Unit.Bridge.Incidents;

/// <summary>The thread that writes, and what whoever deciding waits for hears of it.</summary>
public sealed class IncidentLogTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly StateDirectory _directory = new();
    private readonly BridgeInputQueue _inputs = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task What_is_answered_is_durable_and_everything_before_it_as_well()
    {
        using IncidentLog log = Log();
        await log.OpenAsync(Cancellation);
        for (int number = 0; number < 100; number++)
        {
            log.TryAppend(EntryOf(TellKind.Report, $"before {number}"));
        }

        Assert.Null(await log.AppendDurableAsync(EntryOf(TellKind.Intent, "about to"), Cancellation));
        using (StateDirectory copy = _directory.Copy())
        {
            Assert.NotNull(Assert.Single(copy.Run().Guests).Open);
            Assert.Equal(
                [.. Enumerable.Range(0, 100).Select(number => $"before {number}"), "about to"],
                IncidentReader.ReadStory(copy.Folder, null, 200).Select(entry => entry.Text));
        }

        await log.StopAsync(Cancellation);
    }

    [Fact]
    public async Task Intents_of_many_guests_at_once_are_all_answered()
    {
        using IncidentLog log = Log();
        await log.OpenAsync(Cancellation);
        string?[] answers = await Task.WhenAll(Enumerable.Range(1, 500).Select(guest =>
            log.AppendDurableAsync(EntryOf(TellKind.Intent, "about to", guest), Cancellation)));
        Assert.All(answers, Assert.Null);
        await log.StopAsync(Cancellation);
        Assert.Equal(500, _directory.Run().Guests.Count(history => history.Open is not null));
    }

    [Fact]
    public async Task Without_a_directory_every_intent_fails_at_once_with_the_reason()
    {
        using var log = Log(new IncidentStore(Path.Combine(_directory.Folder, "nowhere"), stateLock: null));
        Assert.Empty((await log.OpenAsync(Cancellation)).Guests);
        Assert.Contains(
            "then restart host-bridge",
            await log.AppendDurableAsync(EntryOf(TellKind.Intent, "about to"), Cancellation));
        Assert.NotNull(await log.SavePauseAsync(new SavedPause(null, null), Cancellation));
        await log.StopAsync(Cancellation);
    }

    [Fact]
    public async Task A_pause_is_saved_and_removed()
    {
        using IncidentLog log = Log();
        await log.OpenAsync(Cancellation);
        Assert.Null(await log.SavePauseAsync(new SavedPause(null, Now), Cancellation));
        using (StateDirectory copy = _directory.Copy())
        {
            Assert.Equal([new SavedPause(null, Now)], copy.Run().Pauses);
        }

        Assert.Null(await log.RemovePauseAsync(null, Cancellation));
        await log.StopAsync(Cancellation);
        Assert.Empty(_directory.Run().Pauses);
    }

    [Fact]
    public async Task The_end_of_an_intent_that_could_not_be_written_is_written_when_the_disk_is_back()
    {
        using IncidentLog log = Log();
        string away = await WithAnIntentAndTheDiskAwayAsync(log);
        log.TryAppend(EntryOf(TellKind.Proof, "well") with { EndsIntent = true });
        Assert.NotNull(await log.AppendDurableAsync(EntryOf(TellKind.Intent, "about to", guest: 2), Cancellation));
        File.Move(away, _directory.DatabasePath);
        Assert.Null(await log.AppendDurableAsync(EntryOf(TellKind.Intent, "about to", guest: 3), Cancellation));
        await log.StopAsync(Cancellation);
        Assert.Equal(
            [(1, false), (3, true)],
            _directory.Run().Guests.Select(history =>
                (history.Guest.Name[^1] - '0', history.Open is not null)));
    }

    [Fact]
    public async Task What_guests_list_while_the_disk_is_away_takes_no_room_from_the_ends_of_intents()
    {
        using IncidentLog log = Log();
        string away = await WithAnIntentAndTheDiskAwayAsync(log);
        for (int time = 0; time < 3000; time++)
        {
            log.TryRemember(StateDirectory.Faulty(2, Filesystem($"/{time}")));
        }

        log.TryAppend(EntryOf(TellKind.Proof, "well") with { EndsIntent = true });
        Assert.NotNull(await log.AppendDurableAsync(EntryOf(TellKind.Intent, "about to", guest: 3), Cancellation));
        Assert.Equal(0, log.Dropped);
        File.Move(away, _directory.DatabasePath);
        Assert.Null(await log.AppendDurableAsync(EntryOf(TellKind.Intent, "about to", guest: 3), Cancellation));
        await log.StopAsync(Cancellation);
        IReadOnlyList<GuestHistory> guests = _directory.Run().Guests;
        Assert.Null(guests[0].Open);
        Assert.Equal(MountPoint.FromText("/2999"), Assert.Single(guests[1].Faulty!.Filesystems).MountPoint);
    }

    [Fact]
    public async Task A_hold_that_a_person_removes_becomes_an_input()
    {
        using IncidentLog log = Log();
        await log.OpenAsync(Cancellation);
        IncidentEntry standing = EntryOf(TellKind.Operator, "fsck exit 4") with { Standing = true };
        Assert.Null(await log.AppendDurableAsync(standing, Cancellation));
        File.Delete(_directory.HoldPath());
        // The thread looks when it wrote something, and every five seconds.
        Assert.Null(await log.AppendDurableAsync(EntryOf(TellKind.Report, "meanwhile"), Cancellation));
        await using IAsyncEnumerator<BridgeInput> inputs = _inputs.ReadAllAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        Assert.True(await inputs.MoveNextAsync().AsTask().WaitAsync(Limit, Cancellation));
        Assert.Equal(
            new BridgeInput.EffectCompleted(Guest().Uuid, new RecoveryInput.HoldReleased()), inputs.Current);
        await log.StopAsync(Cancellation);
    }

    /// <summary>An entry of this moment: the log looks at ages by the real clock, and removes what is old.</summary>
    private static IncidentEntry EntryOf(TellKind kind, string text, int guest = 1)
        => ((StateChange.Story)Entry(kind, text, guest)).Entry with { Time = TimeProvider.System.GetUtcNow() };

    /// <summary>The database is gone after an intent was written; where it is.</summary>
    private async Task<string> WithAnIntentAndTheDiskAwayAsync(IncidentLog log)
    {
        await log.OpenAsync(Cancellation);
        Assert.Null(await log.AppendDurableAsync(EntryOf(TellKind.Intent, "about to"), Cancellation));
        string away = _directory.DatabasePath + ".away";
        File.Move(_directory.DatabasePath, away);
        return away;
    }

    private IncidentLog Log(IncidentStore? store = null)
        => new(store ?? _directory.Store(), _inputs, new BridgeClock(TimeProvider.System), NullLogger<IncidentLog>.Instance)
        {
            // A busy machine is no fault of what is told here.
            DurableLimit = Limit,
            CloseLimit = Limit,
        };
}
