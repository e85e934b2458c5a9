using HostBridge.Correlation;
using HostBridge.Incidents;
using HostBridge.Recovery;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;
using static Tests.Unit.Bridge.Incidents.StateDirectory;

namespace Tests.Unit.Bridge.Incidents;

/// <summary>What goes when there is too much of it, and what never does.</summary>
public sealed class StateRetentionTests : IDisposable
{
    private readonly StateDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_million_entries_stay_within_the_limit_and_cost_nothing_that_is_needed()
    {
        var limits = new RetentionLimits { MaxBytes = 2 * 1024 * 1024 };
        using (IncidentStore store = _directory.Store(limits))
        {
            store.Open();
            store.Append([Entry(TellKind.Intent, "about to"), Entry(TellKind.Operator, "fsck", guest: 2, standing: true)]);
            store.Append([Entry(TellKind.Intent, "about to", guest: 3), Entry(TellKind.Proof, "well", guest: 3, ends: true)]);
        }

        using (StateDatabase database = StateDatabase.Open(_directory.DatabasePath, StateSchema.Steps))
        {
            // What a bridge would write in years, in one statement each.
            var retention = new StateRetention(database, limits);
            for (int part = 0; part < 10; part++)
            {
                database.Run(
                    """
                    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
                    INSERT INTO story (at, guest, name, kind, text) SELECT ?1, ?2, 'web1', 'report', 'entry ' || i FROM n
                    """,
                    StateFormat.ToText(Now), StateFormat.ToText(Guest().Uuid));
                for (int slice = 0; slice < 60; slice++)
                {
                    retention.Prune(Now, byAge: false);
                }
            }

            Assert.InRange(database.UsedBytes, limits.MaxBytes / 2, limits.MaxBytes);
            Assert.Equal("entry 100000", database.Command("SELECT text FROM story ORDER BY id DESC").ExecuteScalar());
            for (int slice = 0; slice < 60; slice++)
            {
                retention.Prune(Now, byAge: false);
            }

            database.Checkpoint();
        }

        Assert.InRange(new FileInfo(_directory.DatabasePath).Length, 0, (limits.MaxBytes * 2) + (8 * 1024 * 1024));
        IReadOnlyList<GuestHistory> guests = _directory.Run().Guests;
        Assert.NotNull(guests[0].Open);
        Assert.NotNull(guests[1].Standing);
        Assert.Equal([Now], guests[2].Recoveries);
    }

    [Fact]
    public void What_is_old_goes_but_not_what_is_open_stands_pauses_or_was_faulty()
    {
        using (IncidentStore store = _directory.Store())
        {
            store.Open();
            store.Append(
            [
                Entry(TellKind.Intent, "about to"), Step(OfflineStep.Destroying),
                Entry(TellKind.Operator, "fsck", guest: 2, standing: true),
                Entry(TellKind.Intent, "about to", guest: 3), Entry(TellKind.Proof, "well", guest: 3, ends: true),
                new StateChange.Paused(new SavedPause(null, null)),
                Faulty(2), Faulty(4),
                new StateChange.Happened(Moment("session lost")),
            ]);
            store.Prune(Now.AddDays(89));
            Assert.NotEmpty(IncidentReader.ReadStory(_directory.Folder, null, 10));
            store.Prune(Now.AddDays(91));
            Assert.Empty(IncidentReader.ReadStory(_directory.Folder, null, 10));
        }

        RestoredIncidents restored = _directory.Run();
        Assert.Equal([Guest(1), Guest(2), Guest(4)], restored.Guests.Select(history => history.Guest));
        Assert.Equal([OfflineStep.Destroying], restored.Guests[0].Open!.Steps);
        Assert.Equal([null, Boot(7), Boot(7)], restored.Guests.Select(history => history.Faulty?.BootId));
        Assert.Single(restored.Pauses);
        using StateDatabase database = StateDatabase.OpenToRead(_directory.DatabasePath);
        Assert.Equal(0, database.Number("SELECT count(*) FROM timeline"));
    }

    [Fact]
    public void Recoveries_of_the_last_week_are_kept_whatever_the_size_and_older_ones_go_last()
    {
        using IncidentStore store = _directory.Store(new RetentionLimits { MaxBytes = 1 });
        store.Open();
        store.Append([Entry(TellKind.Intent, "about to"), Entry(TellKind.Proof, "well", ends: true)]);
        PruneAll(Now.AddDays(6));
        Assert.Equal(1, CountIntents());
        Assert.Empty(IncidentReader.ReadStory(_directory.Folder, null, 10));
        PruneAll(Now.AddDays(8));
        Assert.Equal(0, CountIntents());

        void PruneAll(DateTimeOffset now)
        {
            for (int slice = 0; slice < 3; slice++)
            {
                store.Prune(now);
            }
        }
    }

    private static TimelineEntry Moment(string text) => new()
    {
        Incident = "iqn.x:t 2026-03-01T04:05:06Z",
        LunGroup = "iqn.x:t",
        At = Now,
        Source = TimelineSource.HostKernel,
        Text = text,
    };

    private long CountIntents()
    {
        using StateDatabase database = StateDatabase.OpenToRead(_directory.DatabasePath);
        return database.Number("SELECT count(*) FROM intent");
    }
}
