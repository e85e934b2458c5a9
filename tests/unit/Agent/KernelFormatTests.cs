using System.Globalization;
using System.Text;
using Protocol.Kernel;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>The one table of kernel lines.</summary>
public sealed class KernelFormatTests
{
    public static TheoryData<int> Rows => [.. Enumerable.Range(0, KernelFormats.All.Count)];

    [Theory]
    [MemberData(nameof(Rows))]
    public void An_example_is_understood_by_its_own_row(int row)
    {
        KernelFormat format = KernelFormats.All[row];
        foreach (KernelReaders reader in new[] { KernelReaders.Guest, KernelReaders.Host })
        {
            if (format.Readers.HasFlag(reader))
            {
                Assert.Same(format, KernelFormats.Find(format.Example, reader)?.Format);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void A_row_is_anchored_and_says_which_kernels_print_it_and_where(int row)
    {
        KernelFormat format = KernelFormats.All[row];
        Assert.StartsWith("^", format.Pattern.ToString(), StringComparison.Ordinal);
        Assert.False(format.Pattern.ToString().StartsWith("^.*", StringComparison.Ordinal));
        Assert.Contains('/', format.Source);
        Version first = Version.Parse(format.First);
        Assert.InRange(first, new Version(2, 6, 18), new Version(6, 18));
        Assert.True(format.Last is null || Version.Parse(format.Last) >= first);
        Assert.Null(KernelFormats.Find($"x {format.Example}", KernelReaders.Host)?.Format);
    }

    [Fact]
    public void The_document_shows_the_table()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "GuestAgent.sln")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        string written = File.ReadAllText(Path.Combine(folder, "protocol/Kernel/README.md"));
        string table = Table();
        Assert.True(written.Contains(table, StringComparison.Ordinal), $"put this into protocol/Kernel/README.md:\n{table}");
    }

    [Theory]
    [InlineData("sd 0:0:0:1: x[312]: segfault at 0 ip 000055828041d16a sp 00007ffe error 6 in device reset[1000+1000]")]
    [InlineData("session2: sessi[312]: segfault at 0 ip 0 sp 0 error 6 in session recovery timed out after 5 secs[1000+1000]")]
    [InlineData("connection1:0: [9]: segfault at 0 ip 0 sp 0 error 6 in detected conn error[1000+1000]")]
    [InlineData("traps: sd 0:0:0:1: x[312] general protection fault ip:401000 sp:7ffe error:0 in device reset[400000+1000]")]
    [InlineData("traps: x[312] trap divide error ip:401000 sp:7ffe error:0 in I/O error, dev sda, sector 1[400000+1000]")]
    [InlineData("nvme nvme0: x[312] trap invalid opcode ip:401000 sp:7ffe error:0 in starting error recovery[400000+1000]")]
    [InlineData("rport-0:0-1: bl[312]: bad frame in sigreturn frame:0 ip:0 sp:0 orax:0 in blocked FC remote port time out[1000+1000]")]
    [InlineData("Out of memory: Killed process 312 (EXT4-fs (sda1):) total-vm:1kB, anon-rss:1kB, Aborting journal on device sda1-8.")]
    [InlineData("process 'Aborting journal on device sda1-8.' started with executable stack")]
    [InlineData("warning: `Aborting journa' uses 32-bit capabilities (legacy support in use)")]
    [InlineData("audit: type=1400 comm=\"x\" name=\"Aborting journal on device sda1-8.\"")]
    public void What_a_program_is_called_is_evidence_neither_in_a_guest_nor_in_dom0(string text)
    {
        Assert.Null(KernelFormats.Find(text, KernelReaders.Guest));
        Assert.Null(KernelFormats.Find(text, KernelReaders.Host));
    }

    [Fact]
    public void The_name_of_a_program_does_not_hide_an_abort()
    {
        FilesystemLine? line = FilesystemLines.Understand(
            "EXT4-fs error (device xvda1): ext4_journal_check_start:83: comm a[1] b: Detected aborted journal");
        Assert.Equal((KernelLineKind.JournalAborted, "xvda1"), (line!.Value.Kind, line.Value.DeviceName));
    }

    [Fact]
    public void Words_within_an_error_do_not_change_its_device()
    {
        FilesystemLine? line = FilesystemLines.Understand(
            "EXT4-fs error (device xvda1): ext4_lookup:1785: inode #12: comm (device xvdb): deleted inode referenced: 13");
        Assert.Equal((KernelLineKind.FilesystemError, "xvda1"), (line!.Value.Kind, line.Value.DeviceName));
    }

    [Theory]
    [InlineData("device offline error, dev sdf, sector 1005856 op 0x1:(WRITE) flags 0x0 phys_seg 67 prio class 0", "sdf")]
    [InlineData("critical space allocation error, dev sdb, sector 12345 op 0x1:(WRITE) flags 0x4800 phys_seg 1", "sdb")]
    [InlineData("blk_update_request: critical space allocation error, dev sdb, sector 12345", "sdb")]
    [InlineData("reservation conflict error, dev sdb, sector 8 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 2", "sdb")]
    [InlineData("blk_update_request: critical nexus error, dev sdb, sector 8", "sdb")]
    [InlineData("sd 2:0:0:0: [sdc]  Result: hostbyte=DID_NO_CONNECT driverbyte=DRIVER_OK", "2:0:0:0", "sdc")]
    [InlineData("sd 2:0:0:0: [sdc] tag#3 FAILED Result: hostbyte=DID_TRANSPORT_DISRUPTED driverbyte=DRIVER_OK", "2:0:0:0", "sdc")]
    [InlineData("sd 0:0:0:2: SCSI error: return code = 0x00020000", "0:0:0:2")]
    [InlineData("sd 4:0:0:1: scsi: Device offlined - not ready after error recovery", "4:0:0:1")]
    [InlineData("iscsi: detected conn error (1011)")]
    [InlineData("device-mapper: thin: 253:4: switching pool to out-of-data-space (queue IO) mode", "253:4")]
    [InlineData("device-mapper: thin: 253:4: switching pool to out-of-data-space (error IO) mode", "253:4")]
    [InlineData("device-mapper: thin: 253:4: switching pool to read-only mode", "253:4")]
    [InlineData("device-mapper: thin: 253:4: no free metadata space available.", "253:4")]
    [InlineData("device-mapper: snapshots: Invalidating snapshot: Unable to allocate exception.")]
    [InlineData("nfs: server 10.0.0.9 not responding, timed out", "10.0.0.9")]
    [InlineData("nfs: server 10.0.0.9 not responding, still trying", "10.0.0.9")]
    [InlineData("block drbd0: IO ERROR: neither local nor remote disk", "drbd0")]
    [InlineData("block drbd0: IO ERROR: neither local nor remote data, sector 8+8", "drbd0")]
    [InlineData("block drbd0: disk( UpToDate -> Failed )", "drbd0")]
    [InlineData("drbd web/0 drbd1: disk( UpToDate -> Failed )", "drbd1")]
    [InlineData("rbd: rbd0: write 1000 at 0 (0) result -108", "rbd0")]
    [InlineData("sdb: detected capacity change from 41943040 to 0", "sdb")]
    [InlineData("EXT4-fs (dm-7): Remounting filesystem read-only", "dm-7")]
    [InlineData("XFS (dm-7): Filesystem has been shut down due to log error (0x2).", "dm-7")]
    [InlineData("Aborting journal on device dm-7-8.", "dm-7")]
    public void Dom0_understands_a_fault_of_the_named_part(string text, params string[] parts)
    {
        var record = new HostBridge.Storage.Parsing.KernelRecord(0, TimeSpan.Zero, text);
        HostBridge.Storage.Judging.StorageLine? line = HostBridge.Storage.Parsing.StorageLines.Understand(record);
        Assert.Equal(HostBridge.Storage.Judging.StorageLineKind.Fault, line!.Kind);
        Assert.Equal(parts, line.Parts);
    }

    [Theory]
    [InlineData("nfs: server 10.0.0.9 OK")]
    [InlineData("device-mapper: thin: 253:4: switching pool to write mode")]
    [InlineData("sd 0:0:0:1: Warning! Received an indication that the LUN assignments on this target have changed.")]
    [InlineData("sdb: detected capacity change from 41943040 to 83886080")]
    [InlineData("libceph: osd12 (1)10.0.0.5:6801 socket closed (con state OPEN)")]
    public void Dom0_takes_what_is_no_fault_as_a_change(string text)
    {
        var record = new HostBridge.Storage.Parsing.KernelRecord(0, TimeSpan.Zero, text);
        HostBridge.Storage.Judging.StorageLine? line = HostBridge.Storage.Parsing.StorageLines.Understand(record);
        Assert.Equal(HostBridge.Storage.Judging.StorageLineKind.Change, line!.Kind);
    }

    private static string Table()
    {
        var text = new StringBuilder("| kind | read in | kernels | source | example |\n|---|---|---|---|---|\n");
        foreach (KernelFormat format in KernelFormats.All)
        {
            string example = format.Example.Replace("|", "\\|", StringComparison.Ordinal);
            text.Append(CultureInfo.InvariantCulture, $"| {format.Kind} | {format.Readers.ToString().ToLowerInvariant()} ");
            text.Append(CultureInfo.InvariantCulture, $"| {format.First} – {format.Last ?? "6.18"} | {format.Source} ");
            text.Append(CultureInfo.InvariantCulture, $"| `{example}` |\n");
        }

        return text.ToString();
    }
}
