using System.Diagnostics;
using HostBridge;
using HostBridge.Correlation;
using HostBridge.Recovery;
using HostBridge.Storage;
using HostBridge.Storage.Judging;
using Microsoft.Extensions.Time.Testing;
using Tests.Unit.Bridge.Storage.Fixtures;
using Xunit;

namespace Tests.Unit.Bridge.Storage;

/// <summary>
/// What wakes the watch and what it says: children that answer, hang or end, and conditions that change.
/// </summary>
public sealed class StorageEventTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly SysfsTree _tree = new();
    private readonly WakeUp _wake = new();
    private readonly FakeTimeProvider _time = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _wake.Dispose();
        _tree.Dispose();
    }

    [Fact]
    public void What_multipathd_says_counts_for_30_seconds()
    {
        var multipathd = new Multipathd(
            Script("""echo '{"maps":[{"path_groups":[{"paths":[{"dev":"sda","dm_st":"failed","chk_st":"faulty"}]}]}]}'"""),
            _time,
            _wake);
        multipathd.AskWhenDue(hasChange: false, TimeSpan.Zero, Cancellation);
        Until(() => multipathd.View(TimeSpan.FromSeconds(1)).Paths.Count == 1);
        Assert.Equal(new MultipathPath("failed", "faulty"), multipathd.View(TimeSpan.FromSeconds(29)).Paths["sda"]);
        Assert.Empty(multipathd.View(TimeSpan.FromSeconds(30)).Paths);
    }

    [Fact]
    public void A_multipathd_that_hangs_is_ended_at_its_limit_and_asked_again()
    {
        string asked = Path.Combine(_tree.Root, "asked");
        var multipathd = new Multipathd(Script($"echo >>{asked}; exec sleep 1000"), _time, _wake);
        multipathd.AskWhenDue(hasChange: false, TimeSpan.Zero, Cancellation);
        Until(() => new FileInfo(asked) is { Exists: true, Length: > 0 });
        Assert.Empty(multipathd.View(TimeSpan.FromSeconds(4)).Paths);
        multipathd.AskWhenDue(hasChange: true, TimeSpan.FromSeconds(4), Cancellation);
        Assert.Single(File.ReadAllLines(asked));
        _time.Advance(TimeSpan.FromSeconds(5));
        Until(() =>
        {
            _ = multipathd.View(TimeSpan.FromSeconds(11));
            multipathd.AskWhenDue(hasChange: true, TimeSpan.FromSeconds(11), Cancellation);
            return File.ReadAllLines(asked).Length > 1;
        });
        _time.Advance(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task A_line_of_iscsid_wakes_and_a_journalctl_that_ends_is_started_again()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var journal = new IscsidJournal(
            Script("echo 'connection1:0 is operational after recovery (1 attempts)'"), TimeProvider.System, _wake);
        Task following = journal.FollowAsync(stop.Token);
        Until(_wake.Clear);
        Until(_wake.Clear);
        await stop.CancelAsync();
        await following;
    }

    [Fact]
    public void Without_a_journal_nothing_is_followed()
        => Assert.True(new IscsidJournal(program: null, TimeProvider.System, _wake).FollowAsync(Cancellation).IsCompletedSuccessfully);

    [Fact]
    public void What_has_changed_is_said_at_once_and_everything_every_five_seconds()
    {
        var changes = new ConditionChanges(TimeSpan.FromSeconds(5));
        DiskCondition first = Condition(0, operational: true);
        DiskCondition second = Condition(1, operational: true);
        Assert.Equal(2, changes.Take([first, second], TimeSpan.Zero).Count);
        Assert.Empty(changes.Take([first, second], TimeSpan.FromSeconds(1)));
        DiskCondition down = Condition(1, operational: false);
        Assert.Equal([down], changes.Take([first, down], TimeSpan.FromSeconds(2)));
        Assert.Equal([down], changes.Lost);
        Assert.Equal(2, changes.Take([first, down], TimeSpan.FromSeconds(5)).Count);
        Assert.Empty(changes.Lost);
        changes.Forget();
        Assert.Equal(2, changes.Take([first, second], TimeSpan.FromSeconds(6)).Count);
        Assert.Equal([second], changes.Regained);
    }

    [Fact]
    public void A_look_at_some_disks_says_what_changed_of_them_and_leaves_the_others_as_they_were()
    {
        var changes = new ConditionChanges(TimeSpan.FromSeconds(5));
        DiskCondition first = Condition(0, operational: true);
        DiskCondition down = Condition(1, operational: false);
        changes.Take([first, Condition(1, operational: true)], TimeSpan.Zero);
        Assert.Equal([down], changes.TakeSome([down], TimeSpan.FromSeconds(1)));
        Assert.Equal([down], changes.Lost);
        Assert.Empty(changes.TakeSome([down], TimeSpan.FromSeconds(2)));
        Assert.Empty(changes.Take([first, down], TimeSpan.FromSeconds(3)));
        Assert.Empty(changes.Lost);
    }

    [Fact]
    public void Lines_of_the_kernel_find_the_disks_they_speak_of_and_a_flood_is_counted()
    {
        _tree.Session(1, "iqn.x:array1");
        _tree.Session(2, "iqn.x:array2");
        var reader = new BlockStackReader(_tree.Files);
        BlockDevice[] disks =
        [
            reader.Read(_tree.IscsiDisk("sda", 0, session: 1)), reader.Read(_tree.IscsiDisk("sdb", 16, session: 1, lun: 2)),
            reader.Read(_tree.IscsiDisk("sdc", 32, session: 2)),
        ];
        var lines = new LineInbox();
        Assert.Empty(lines.NamedAmong(disks));
        lines.Add(new StorageLine(StorageLineKind.Fault, ["session1"], "connection1:0: detected conn error (1020)"), Seconds(1));
        Assert.Equal([new DeviceNumber(8, 0), new DeviceNumber(8, 16)], lines.NamedAmong(disks));
        for (int i = 0; i < 5000; i++)
        {
            lines.Add(new StorageLine(StorageLineKind.Fault, ["sdc"], $"I/O error, dev sdc, sector {i}"), Seconds(2 + (i / 1000)));
            lines.Add(new StorageLine(StorageLineKind.Fault, [$"sd{i}"], $"I/O error, dev sd{i}, sector 8"), Seconds(2));
        }

        Assert.Empty(lines.Take([]));
        IReadOnlyList<HostLine> told = lines.Take(disks);
        Assert.Equal(
            [("iscsi iqn.x:array1", 1, Seconds(1)), ("iscsi iqn.x:array2", 5000, Seconds(6))],
            told.Select(line => (Assert.Single(line.LunGroups), line.Count, line.LastAt)));
        Assert.Empty(lines.Take(disks));
        // Read from the oldest record on: what was said an hour ago does not begin what is said now.
        lines.Add(new StorageLine(StorageLineKind.Fault, ["sda"], "I/O error, dev sda, sector 8"), Seconds(10));
        lines.Add(new StorageLine(StorageLineKind.Fault, ["sda"], "I/O error, dev sda, sector 9"), Seconds(3610));
        Assert.Equal((Seconds(3610), 1), (lines.Take(disks)[0].At, 1));
    }

    [Fact]
    public void A_path_that_is_lost_under_an_operational_disk_is_told_once_and_so_is_its_return()
    {
        var changes = new ConditionChanges(TimeSpan.FromSeconds(5));
        DiskCondition whole = Condition(0, operational: true);
        DiskCondition carried = whole with { LostPaths = "sdb is transport-offline" };
        changes.Take([whole], TimeSpan.Zero);
        Assert.Empty(changes.Rerouted);
        changes.Take([carried], TimeSpan.FromSeconds(1));
        Assert.Equal([carried], changes.Rerouted);
        Assert.Empty(changes.Lost);
        changes.Take([carried], TimeSpan.FromSeconds(2));
        Assert.Empty(changes.Rerouted);
        changes.Take([whole], TimeSpan.FromSeconds(3));
        Assert.Equal([whole], changes.Rerouted);
        Assert.Empty(changes.Regained);
    }

    [Fact]
    public void A_disk_that_is_never_operational_is_told_of_once()
    {
        var changes = new ConditionChanges(TimeSpan.FromSeconds(5));
        DiskCondition down = Condition(0, operational: false);
        int told = 0;
        for (int second = 0; second < 60; second++)
        {
            changes.Take([down], TimeSpan.FromSeconds(second));
            told += changes.Lost.Count;
            Assert.True(second >= 10 || told == 0);
        }

        Assert.Equal(1, told);
    }

    [Fact]
    public void A_disk_that_nobody_names_any_more_is_no_longer_looked_at()
    {
        var disks = new WatchedDisks(new BridgeClock(_time), _wake);
        disks.Watch(new DomainId(5), [new DeviceNumber(8, 0), new DeviceNumber(8, 16)]);
        Assert.True(_wake.Clear());
        _time.Advance(TimeSpan.FromSeconds(90));
        disks.Watch(new DomainId(6), [new DeviceNumber(8, 16)]);
        Assert.False(_wake.Clear());
        _time.Advance(TimeSpan.FromSeconds(40));
        Assert.Equal([new DeviceNumber(8, 16)], disks.Take());
        Assert.Equal([new DomainId(6)], disks.TakeDomains());
    }

    private static TimeSpan Seconds(int seconds) => TimeSpan.FromSeconds(seconds);

    private static DiskCondition Condition(int minor, bool operational)
        => new(new DeviceNumber(8, minor), operational, operational ? "well" : "not well", ["group"]);

    private string Script(string script)
    {
        string path = Path.Combine(_tree.Root, "script");
        File.WriteAllText(path, $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return path;
    }

    private static void Until(Func<bool> isSo)
    {
        long start = Stopwatch.GetTimestamp();
        while (!isSo())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Patience, "it does not become so");
            Thread.Sleep(TimeSpan.FromMilliseconds(10));
        }
    }
}
