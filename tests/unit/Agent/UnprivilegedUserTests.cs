using System.Net.Sockets;
using System.Text;
using GuestAgent;
using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Probing;
using GuestAgent.Reporting.Carriers;
using GuestAgent.Signals;
using GuestAgent.Signals.Parsing;
using Mono.Unix.Native;
using Protocol.Health;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>What a user without privileges, or a peer that says nothing, can do to the agent.</summary>
public sealed class UnprivilegedUserTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("user-").FullName;
    private readonly string _tmpfs = Directory.CreateDirectory($"/dev/shm/user-{Guid.NewGuid():N}").FullName;

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        Directory.Delete(_tmpfs, recursive: true);
    }

    /// <summary>Recorded on 6.18: a user's program with a name and a file name of its own making crashes.</summary>
    [Theory]
    [InlineData("EXT4-fs (xvda1)[27198]: segfault at 0 ip 000055828041d16a sp 00007ffe8c477e00 error 6 in x: Detected aborted journal[116a,55828041d000+1000] likely on CPU 1 (core 1, socket 0)")]
    [InlineData("EXT4-fs (vda): [27199]: segfault at 0 ip 000055c0fd9bb16a sp 00007fffce5481a0 error 6 in x: Detected aborted journal[116a,55c0fd9bb000+1000] likely on CPU 0 (core 0, socket 0)")]
    [InlineData("XFS (xvda1): [27200]: segfault at 0 ip 000055b67c1d816a sp 00007ffcf20f6bb0 error 6 in x has been shut down[116a,55b67c1d8000+1000] likely on CPU 0 (core 0, socket 0)")]
    [InlineData("BTRFS[27201]: segfault at 0 ip 00005576d83b416a sp 00007ffe14f58470 error 6 in in (device xvda1 state E) forced readonly[116a,5576d83b4000+1000] likely on CPU 0 (core 0, socket 0)")]
    [InlineData("XFS (xvda1): [312] trap int3 ip:401000 sp:7ffe error:0 in x has been shut down[400000+1000]")]
    [InlineData("XFS (xvda1): \\x0a[312] general protection ip:401000 sp:7ffe error:0 in x has been shut down[400000+1000]")]
    [InlineData("ata1: disabled[312]: segfault at 0 ip 000055b67c1d816a sp 00007ffcf20f6bb0 error 6 in x[1000+1000]")]
    public void A_crash_of_a_program_is_no_evidence_whatever_its_name(string text)
        => Assert.Null(KernelLogParser.Understand(new KernelRecord(0, 1, TimeSpan.Zero, text)));

    [Fact]
    public void More_mounts_than_can_be_held_hide_none_of_the_older_ones()
    {
        const string line = "90 25 0:50 / /home/u/{0} rw - fuse.x x rw,user_id=1000\n";
        string path = new('\\', 4000);
        var table = new StringBuilder("25 1 202:1 / / rw - ext4 /dev/xvda1 rw\n");
        while (table.Length < 17 * 1024 * 1024)
        {
            table.AppendFormat(System.Globalization.CultureInfo.InvariantCulture, line, path);
        }

        string file = new PathRoot(_folder).Proc("self/mountinfo");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, table.ToString());
        using var mounts = new MountTable(new PathRoot(_folder), new MountChoice());
        ObservedMount only = Assert.Single(mounts.TryRead(mayReadFstab: false)!);
        Assert.True(only.Mount.MountPoint.IsRoot);
    }

    [Fact]
    public void A_folder_in_which_others_may_write_holds_no_status()
    {
        Assert.Equal(0, Syscall.chmod(_tmpfs, FilePermissions.ACCESSPERMS));
        var folder = new TmpfsFolder(_tmpfs);
        Assert.Contains("chmod", folder.Trouble, StringComparison.Ordinal);
        folder.Write("status", "text");
        Assert.Empty(Directory.GetFiles(_tmpfs));
    }

    [Fact]
    public void A_link_that_lies_where_the_status_is_written_is_not_followed()
    {
        string victim = Path.Combine(_folder, "victim");
        File.WriteAllText(victim, "precious");
        File.CreateSymbolicLink(Path.Combine(_tmpfs, "status.new"), victim);
        new TmpfsFolder(_tmpfs).Write("status", "text");
        Assert.Equal("precious", File.ReadAllText(victim));
        Assert.Equal("text", File.ReadAllText(Path.Combine(_tmpfs, "status")));
    }

    [Fact]
    public void A_key_file_that_happens_to_begin_with_nothing_is_not_ours()
    {
        string file = Path.Combine(_folder, WriteProbe.FileName);
        byte[] key = [.. Enumerable.Range(0, WriteProbe.FileSizeBytes).Select(at => (byte)at)];
        File.WriteAllBytes(file, key);
        Assert.Equal(0, Syscall.chmod(file, FilePermissions.S_IRUSR | FilePermissions.S_IWUSR));
        Assert.Equal(0, Syscall.stat(_folder, out Stat status));
        var request = new ProbeRequest(
            1, DeviceNumbers.Of(status.st_dev), MountIdOf(_folder), Encoding.UTF8.GetBytes(_folder));
        ProbeReply reply = WriteProbe.Run(request);
        Assert.Equal((ProbeStep.Refused, ProbeReply.NoErrno), (reply.Step, reply.Errno));
        Assert.Equal(key, File.ReadAllBytes(file));
    }

    [Fact]
    public void A_xenstore_that_never_answers_is_a_broken_link()
    {
        string path = Path.Combine(_folder, "xenstored");
        using var daemon = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        daemon.Bind(new UnixDomainSocketEndPoint(path));
        daemon.Listen();
        var start = new Moment(TimeSpan.FromSeconds(100), DateTimeOffset.UnixEpoch);
        using var carrier = new XenstoreCarrier([path], new Random(1));
        Assert.IsType<AgentInput.LinkUp>(Assert.Single(carrier.Turn(start)));
        Assert.Empty(carrier.Turn(start + TimeSpan.FromSeconds(59)));
        Assert.True(carrier.Due(start)?.HasCome(start + TimeSpan.FromSeconds(60)));
        Assert.IsType<AgentInput.LinkDown>(Assert.Single(carrier.Turn(start + TimeSpan.FromSeconds(60))));
    }

    private static int MountIdOf(string path)
    {
        int folder = Syscall.open(path, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
        int mountId = ProbedMount.MountIdOf(folder) ?? 0;
        Assert.Equal(0, Syscall.close(folder));
        return mountId;
    }
}
