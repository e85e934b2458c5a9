using System.Collections.Concurrent;
using System.Diagnostics;
using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Signals;
using Protocol.Health;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>Real descriptors that open and poll readable, and cannot be read; real calls that fail without a word.</summary>
public sealed class QuietFailureTests : IDisposable
{
    // Neither read nor poll (drivers/block/loop.c, loop_ctl_fops): EINVAL, and readable for ever, as /dev/kmsg before 3.5.
    private const string Unreadable = "/dev/loop-control";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly string _folder = Directory.CreateTempSubdirectory("quiet-").FullName;

    private PathRoot Paths => new(_folder);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(Unreadable, "EINVAL")]
    [InlineData("/dev/null", "end of file")]
    [InlineData("/", "EISDIR")]
    [InlineData("/nowhere", "ENOENT")]
    public void A_kernel_log_that_opens_and_cannot_be_read_is_none(string target, string why)
    {
        SkipWithout(target == "/nowhere" ? "/" : target);
        Link("dev/kmsg", target);
        Assert.Null(KernelLog.TryOpen(Paths, out string? reason));
        Assert.Equal(why, reason);
    }

    [Theory]
    [InlineData(Unreadable)]
    [InlineData("/dev/null")]
    [InlineData("/")]
    public void The_bridge_takes_no_kernel_log_that_cannot_be_read_either(string target)
    {
        SkipWithout(target);
        Assert.Null(HostBridge.Storage.KernelLog.TryOpen(target));
    }

    [Fact]
    public void A_device_that_gives_bytes_for_ever_is_no_kernel_log()
    {
        Link("dev/kmsg", "/dev/zero");
        using KernelLog log = KernelLog.TryOpen(Paths, out _)!;
        Assert.Empty(log.Read(KernelLog.AllRecords));
        Assert.Equal("no records", log.Trouble);

        using var bridge = HostBridge.Storage.KernelLog.TryOpen("/dev/zero")!;
        Assert.Empty(bridge.Read());
        Assert.Equal(-1, bridge.FileDescriptor);
    }

    [Fact]
    public void What_the_first_read_of_the_kernel_log_brought_is_not_lost()
    {
        Write("dev/kmsg", "3,41,9,-;Aborting journal on device xvda-8.\n");
        using KernelLog log = KernelLog.TryOpen(Paths, out string? reason)!;
        Assert.Null(reason);
        Assert.Single(log.Read(10));
    }

    [Fact]
    public void A_kernel_log_that_ends_says_so_and_one_that_is_opened_again_brings_nothing_twice()
    {
        Write("dev/kmsg", "3,41,9,-;Aborting journal on device xvda-8.\n");
        using KernelLog log = KernelLog.TryOpen(Paths, out _)!;
        Assert.Single(log.Read(10));
        Assert.Equal("end of file", log.Trouble);

        using KernelLog again = KernelLog.TryOpen(Paths, out _, log)!;
        Assert.Empty(again.Read(10));
        Write("dev/kmsg", "3,44,10,-;Aborting journal on device xvdb-8.\n");
        using KernelLog later = KernelLog.TryOpen(Paths, out _, again)!;
        Assert.Equal("xvdb", Assert.Single(later.Read(10)).DeviceName);
        Assert.Equal(2, later.LostRecords);
    }

    [Fact]
    public void The_bridges_kernel_log_that_ends_leaves_the_poll_set_and_can_be_opened_again()
    {
        string path = Write("kmsg", "3,41,9,-;one\n");
        using var log = HostBridge.Storage.KernelLog.TryOpen(path)!;
        Assert.Single(log.Read());
        Assert.Equal(-1, log.FileDescriptor);
        Assert.Contains("end of file", log.Trouble, StringComparison.Ordinal);
        Assert.Empty(log.Read());

        File.Delete(path);
        Process.Start("mkfifo", path).WaitForExit();
        using var writer = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        log.TryReopen();

        // A pipe has no end to seek to, a log has: it is as it was.
        Assert.Equal(-1, log.FileDescriptor);
    }

    [Fact]
    public void A_mount_table_that_cannot_be_read_is_no_empty_one()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "proc/self/mountinfo"));
        using var table = new MountTable(Paths, new MountChoice());
        Assert.Null(table.TryRead(mayReadFstab: false));
    }

    [Fact]
    public void A_mount_table_that_cannot_be_read_is_tried_again_after_a_while()
    {
        var pace = new ReadingPace();
        Moment now = AgentStage.Beginning;
        pace.Failed(now);
        Assert.False(pace.IsDue(now + TimeSpan.FromMilliseconds(900)));
        Assert.True(pace.IsDue(now + TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public void A_child_whose_end_somebody_else_took_has_ended_and_has_not_succeeded()
    {
        const int unknown = 255;
        using var child = ChildProcess.Start("/bin/true");
        Assert.Equal(0, child.WaitForExit());
        Assert.Equal(unknown, child.TryReap());
        Assert.Equal(unknown, child.WaitForExit());
    }

    [Fact]
    public void A_descriptor_that_is_waited_for_and_is_not_open_ends_the_wait_loudly()
    {
        var poll = new PollSet();
        poll.Add(1_000_000, PollSet.In);
        Assert.Contains(
            "not open", Assert.Throws<IOException>(() => poll.Wait(Limit)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_status_that_cannot_be_put_in_place_takes_the_old_one_away()
    {
        string tmpfs = Directory.CreateDirectory(Path.Combine("/dev/shm", $"quiet-{Guid.NewGuid():N}")).FullName;
        try
        {
            var folder = new TmpfsFolder(tmpfs);
            Assert.Null(folder.Trouble);
            folder.Write("status", "ok");
            Directory.CreateDirectory(Path.Combine(tmpfs, "status.new/occupied"));
            folder.Write("status", "critical");
            Assert.False(File.Exists(Path.Combine(tmpfs, "status")));
        }
        finally
        {
            Directory.Delete(tmpfs, recursive: true);
        }
    }

    [Fact]
    public void A_loop_that_makes_no_turn_is_found_out_once_and_so_is_its_next_turn()
    {
        using var said = new BlockingCollection<TimeSpan?>();
        using var watch = new LoopWatch(TimeSpan.FromMilliseconds(10), said.Add);
        watch.Turns(TimeSpan.FromMilliseconds(30));
        watch.Start();
        Assert.True(said.TryTake(out TimeSpan? stuckFor, Limit));
        Assert.InRange(stuckFor!.Value, TimeSpan.FromMilliseconds(100), Limit);
        Assert.True(watch.TakePassed() >= TimeSpan.FromMilliseconds(100));
        Assert.Empty(said);
        watch.Turns(Limit);
        Assert.True(said.TryTake(out TimeSpan? turns, Limit));
        Assert.Null(turns);
    }

    private static void SkipWithout(string path)
        => Assert.SkipWhen(!Path.Exists(path), $"{path} is not there");

    private void Link(string path, string target)
    {
        string link = Path.Combine(_folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(link)!);
        File.CreateSymbolicLink(link, target);
    }

    private string Write(string path, string text)
    {
        string file = Path.Combine(_folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
        return file;
    }
}
