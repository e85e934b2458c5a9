using System.Globalization;
using HostBridge.Incidents;
using HostBridge.Recovery;
using Xunit;
using static Tests.Unit.Bridge.Incidents.StateDirectory;

namespace Tests.Unit.Bridge.Incidents;

/// <summary>State directories that a crash, a disk or a person left in another state than the bridge did.</summary>
public sealed class StateDamageTests : IDisposable
{
    private readonly StateDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Copied_at_any_moment_between_writes_it_opens_with_all_that_was_written_until_then()
    {
        using IncidentStore store = _directory.Store();
        store.Open();
        for (int number = 1; number <= 12; number++)
        {
            string request = string.Create(CultureInfo.InvariantCulture, $"reboot-{number}");
            store.Append([Entry(TellKind.Intent, "about to", request: request)]);
            Check(request, isOpen: true, number);
            store.Append([Entry(TellKind.Report, "meanwhile")]);
            Check(request, isOpen: true, number);
            store.Append([Entry(TellKind.Proof, "well", request: request, ends: true)]);
            Check(request, isOpen: false, number);
        }

        void Check(string request, bool isOpen, int recoveries)
        {
            using StateDirectory copy = _directory.Copy();
            GuestHistory history = Assert.Single(copy.Run().Guests);
            Assert.Equal(isOpen ? request : null, history.Open?.Intent.ToString());
            Assert.Equal(recoveries, history.Recoveries.Count);
        }
    }

    [Fact]
    public void A_bit_that_flips_anywhere_is_refused_or_changes_nothing_that_is_needed()
    {
        WriteSomeOfEverything();
        byte[] whole = File.ReadAllBytes(_directory.DatabasePath);
        RestoredIncidents expected = _directory.Run();
        var random = new Random(20260301);
        // The whole header, the beginning of each page, and bits anywhere.
        IEnumerable<int> places = Enumerable.Range(0, 100)
            .Concat(Enumerable.Range(0, whole.Length / 4096).SelectMany(page => Enumerable.Range(page * 4096, 8)))
            .Concat(Enumerable.Range(0, 800).Select(_ => random.Next(whole.Length)));
        int refused = 0;
        foreach (int place in places)
        {
            byte[] flipped = [.. whole];
            flipped[place] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(_directory.DatabasePath, flipped);
            File.Delete(_directory.DatabasePath + "-wal");
            try
            {
                AssertSame(expected, _directory.Run(), place);
            }
            catch (IOException)
            {
                refused++;
            }
        }

        Assert.NotEqual(0, refused);
    }

    [Fact]
    public void A_flipped_or_torn_write_ahead_log_loses_only_what_was_told()
    {
        WriteSomeOfEverything();
        RestoredIncidents expected = _directory.Run();
        using IncidentStore store = _directory.Store();
        store.Open();
        store.Append([Entry(TellKind.Report, "first")]);
        store.Append([Entry(TellKind.Report, "second")]);
        string log = _directory.DatabasePath + "-wal";
        byte[] whole = File.ReadAllBytes(log);
        var random = new Random(20260302);
        for (int round = 0; round < 60; round++)
        {
            using StateDirectory copy = _directory.Copy();
            byte[] changed = [.. whole];
            changed[random.Next(changed.Length)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(
                copy.DatabasePath + "-wal", round % 2 == 0 ? changed : whole[..random.Next(whole.Length)]);
            AssertSame(expected, copy.Run(), round);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(4096)]
    [InlineData(9000)]
    public void A_truncated_database_is_refused_with_what_to_do(int bytes)
    {
        WriteSomeOfEverything();
        using (FileStream file = File.OpenWrite(_directory.DatabasePath))
        {
            file.SetLength(bytes);
        }

        string message = Assert.Throws<IOException>(() => _directory.Run()).Message;
        Assert.Contains("it is damaged", message);
        Assert.Contains("move it and its -wal away and restart host-bridge", message);
        Assert.Equal(bytes, new FileInfo(_directory.DatabasePath).Length);
    }

    [Fact]
    public void A_write_ahead_log_without_its_database_is_refused()
    {
        _directory.Run();
        File.Move(_directory.DatabasePath, _directory.DatabasePath + "-wal");
        Assert.Contains("put it back", Assert.Throws<IOException>(() => _directory.Run()).Message);
    }

    [Fact]
    public void A_creation_that_was_cut_off_is_begun_anew()
    {
        File.WriteAllText(_directory.DatabasePath + ".new", "half of it");
        _directory.Run(Entry(TellKind.Intent, "about to"));
        Assert.NotNull(Assert.Single(_directory.Run().Guests).Open);
        Assert.False(File.Exists(_directory.DatabasePath + ".new"));
    }

    [Fact]
    public void A_newer_version_is_refused_and_left_as_it_is()
    {
        WriteSomeOfEverything();
        using (StateDatabase database = StateDatabase.Open(_directory.DatabasePath, StateSchema.Steps))
        {
            database.Run("PRAGMA user_version = 99");
        }

        byte[] before = File.ReadAllBytes(_directory.DatabasePath);
        Assert.Equal(
            $"it was written by a newer host-bridge (its version is 99, this one knows {StateSchema.Steps.Count}); "
                + "install the newer one again",
            Assert.Throws<IOException>(() => _directory.Run()).Message);
        Assert.Equal(before, File.ReadAllBytes(_directory.DatabasePath));
    }

    [Fact]
    public void Every_older_version_is_brought_up_to_date_and_keeps_what_it_has()
    {
        // The real steps, and two more as they may come.
        IReadOnlyList<string> steps =
            [.. StateSchema.Steps, "CREATE TABLE told (id INTEGER PRIMARY KEY)", "ALTER TABLE intent ADD COLUMN by TEXT"];
        for (int version = 0; version <= steps.Count; version++)
        {
            string path = Path.Combine(_directory.Folder, $"from-{version}");
            StateDatabase.Create(path, [.. steps.Take(version)]);
            if (version >= 1)
            {
                using StateDatabase old = StateDatabase.Open(path, [.. steps.Take(version)]);
                old.Run("INSERT INTO pause VALUES ('', NULL, 0)");
            }

            using StateDatabase database = StateDatabase.Open(path, steps);
            Assert.Equal(steps.Count, database.Number("PRAGMA user_version"));
            Assert.Equal(version >= 1 ? 1 : 0, database.Number("SELECT count(*) FROM pause"));
            Assert.Equal(
                12, database.Number("SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' AND name != 'told'"));
            Assert.Equal(1, database.Number("SELECT count(*) FROM pragma_table_info('intent') WHERE name = 'by'"));
        }
    }

    [Fact]
    public void A_migration_that_fails_leaves_the_version_before_it()
    {
        string path = Path.Combine(_directory.Folder, "old");
        StateDatabase.Create(path, StateSchema.Steps);
        IReadOnlyList<string> steps = [.. StateSchema.Steps, "CREATE TABLE told (id); CREATE TABLE pause (id)"];
        Assert.ThrowsAny<Exception>(() => StateDatabase.Open(path, steps));
        using StateDatabase database = StateDatabase.Open(path, StateSchema.Steps);
        Assert.Equal(0, database.Number("SELECT count(*) FROM sqlite_schema WHERE name = 'told'"));
    }

    private static void AssertSame(RestoredIncidents expected, RestoredIncidents actual, int place)
    {
        Assert.True(expected.Guests.Count == actual.Guests.Count, $"at {place}: {actual.Guests.Count} guests");
        foreach ((GuestHistory wanted, GuestHistory found) in expected.Guests.Zip(actual.Guests))
        {
            Assert.Equal((wanted.Guest, wanted.Standing), (found.Guest, found.Standing));
            Assert.Equal(wanted.Recoveries, found.Recoveries);
            Assert.Equal(
                (wanted.Open?.Intent, wanted.Open?.Rung, wanted.Open?.Domain, wanted.Open?.MountPoint),
                (found.Open?.Intent, found.Open?.Rung, found.Open?.Domain, found.Open?.MountPoint));
            Assert.Equal(wanted.Open?.Steps, found.Open?.Steps);
            Assert.Equal(wanted.Faulty?.BootId, found.Faulty?.BootId);
            Assert.Equal(
                wanted.Faulty?.Filesystems.Select(one => (one.MountPoint, one.Device, one.FilesystemType, one.Verdict)),
                found.Faulty?.Filesystems.Select(one => (one.MountPoint, one.Device, one.FilesystemType, one.Verdict)));
        }

        Assert.Equal(expected.Pauses, actual.Pauses);
    }

    private void WriteSomeOfEverything()
    {
        List<StateChange> changes =
        [
            Entry(TellKind.Intent, "about to"), Step(OfflineStep.Destroying), Step(OfflineStep.Destroyed),
            new StateChange.Paused(new SavedPause(null, Now)),
            Entry(TellKind.Operator, "fsck exit 4", guest: 2, standing: true),
        ];
        for (int guest = 3; guest < 30; guest++)
        {
            changes.Add(Entry(TellKind.Intent, "about to", guest));
            changes.Add(Entry(TellKind.Proof, "well", guest, ends: guest % 3 != 0));
            changes.Add(Faulty(guest));
        }

        _directory.Run([.. changes]);
    }
}
