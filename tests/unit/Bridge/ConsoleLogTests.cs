using System.Text;
using HostBridge;
using HostBridge.Guests;
using HostBridge.Guests.Parsing;
using HostBridge.Recovery;
using Microsoft.Extensions.Logging.Abstractions;
using Protocol.Kernel;
using Xunit;

namespace Tests.Unit.Bridge;

/// <summary>A console's log: what the kernel prints there, and how the file comes and goes.</summary>
public sealed class ConsoleLogTests : IDisposable
{
    private const string Abort = "[  123.456789] Aborting journal on device xvda-8.\r\n";

    private readonly string _folder = Directory.CreateTempSubdirectory("console-").FullName;

    private string Log => Path.Combine(_folder, "guest-web1.log");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("Aborting journal on device xvda-8.", KernelLineKind.JournalAborted)]
    [InlineData("[   12.345678] Aborting journal on device xvda-8.", KernelLineKind.JournalAborted)]
    [InlineData("[   12.345678][    T1] EXT4-fs (xvda): Remounting filesystem read-only", KernelLineKind.RemountedReadOnly)]
    [InlineData("[2026-11-24 03:34:45] <4>[12.3] I/O error, dev xvda, sector 5040 op 0x1:(WRITE)", KernelLineKind.DeviceError)]
    [InlineData("\u001b[1;31m[   12.345678] EXT4-fs error (device xvda): f:1: comm dd: boom\u001b[0m", KernelLineKind.FilesystemError)]
    [InlineData("Aug 26 00:03:33 vm1 kernel: [34315.120624] EXT4-fs error (device xvda1): ext4_journal_check_start:83: comm systemd: Detected aborted journal", KernelLineKind.JournalAborted)]
    [InlineData("Aug  6 00:03:33 vm1 kernel: Aborting journal on device xvda-8.", KernelLineKind.JournalAborted)]
    [InlineData("2026-08-26T00:03:33.120624+00:00 vm1 kernel: [34315.120624] Aborting journal on device xvda-8.", KernelLineKind.JournalAborted)]
    [InlineData("[Tue Jan 13 04:33:10 2026] Aborting journal on device xvda-8.", KernelLineKind.JournalAborted)]
    [InlineData("vm1 login: [  124.500000] Aborting journal on device xvda-8.", KernelLineKind.JournalAborted)]
    [InlineData("Password: [  124.500000] Aborting journal on device xvda-8.", KernelLineKind.JournalAborted)]
    [InlineData("root@vm1:~# [  124.500000] Aborting journal on device xvda-8.", KernelLineKind.JournalAborted)]
    [InlineData("[  124.500000] [T10489] Aborting journal on device xvda-8.", KernelLineKind.JournalAborted)]
    [InlineData("[  124.500000][    C0] Aborting journal on device xvda-8.", KernelLineKind.JournalAborted)]
    [InlineData("<3>[  124.500000] [T10489] Aborting journal on device xvda-8.", KernelLineKind.JournalAborted)]
    [InlineData("[2026-11-24 03:34:45] vm1 login: [  124.5] Aborting journal on device xvda-8.", KernelLineKind.JournalAborted)]
    [InlineData("[  240.000000] INFO: task dd:77 blocked for more than 120 seconds.", KernelLineKind.TaskHung)]
    [InlineData("blkfront: xvda: empty flush op failed", KernelLineKind.FlushDisabled)]
    public void The_kernels_lines_are_understood_with_whatever_stands_before_them(string line, KernelLineKind kind)
        => Assert.Equal(kind, Assert.IsType<ConsoleSign.Fault>(ConsoleText.Understand(Encoding.Latin1.GetBytes(line))).Kind);

    [Theory]
    [InlineData("[    1.0] EXT4-fs (xvda): mounted filesystem with ordered data mode")]
    [InlineData("web1 login: Aborting journal on device xvda-8.")]
    [InlineData("Aug 26 00:03:33 vm1 app: Aborting journal on device xvda-8.")]
    [InlineData("[  124.5] traps: x[312] general protection fault in Aborting journal on device xvda-8.")]
    [InlineData("")]
    public void Anything_else_is_nothing(string line)
        => Assert.Null(ConsoleText.Understand(Encoding.Latin1.GetBytes(line)));

    [Fact]
    public void A_very_long_line_costs_no_memory_and_hides_nothing_after_it()
    {
        var text = new ConsoleText();
        byte[] chunk = new byte[64 * 1024];
        for (int i = 0; i < 100; i++)
        {
            Assert.Empty(text.Take(chunk));
        }

        Assert.IsType<ConsoleSign.Fault>(Assert.Single(text.Take(Encoding.ASCII.GetBytes($"\n{Abort}"))));
    }

    [Fact]
    public void Hostile_bytes_never_break_it_and_what_it_tells_is_printable()
        => CsCheck.Check.Sample(CsCheck.Gen.Byte.Array[0, 300], bytes =>
        {
            var text = new ConsoleText();
            _ = text.Take(bytes);
            byte[] line = [.. "\nAborting journal on device xvda-8."u8, .. bytes.Where(one => one is not (10 or 13)), 10];
            ConsoleSign.Fault fault = Assert.IsType<ConsoleSign.Fault>(Assert.Single(text.Take(line)));
            Assert.All(fault.Text, letter => Assert.InRange(letter, ' ', '~'));
        });

    [Fact]
    public void A_line_in_two_pieces_is_one()
    {
        using var reader = new ConsoleLogReader(Log);
        Assert.Empty(reader.Read());
        File.WriteAllText(Log, Abort[..20]);
        Assert.Empty(reader.Read());
        File.AppendAllText(Log, Abort[20..]);
        Assert.Single(reader.Read());
        Assert.Empty(reader.Read());
    }

    [Fact]
    public void A_renamed_log_is_read_to_its_end_before_the_new_one()
    {
        File.WriteAllText(Log, "x\n");
        using var reader = new ConsoleLogReader(Log);
        Assert.Empty(reader.Read());
        File.AppendAllText(Log, Abort);
        File.Move(Log, $"{Log}.1");
        File.WriteAllText(Log, "Linux version 6.1.0\n");
        Assert.Collection(
            reader.Read(), sign => Assert.IsType<ConsoleSign.Fault>(sign), sign => Assert.IsType<ConsoleSign.Booted>(sign));
    }

    [Fact]
    public void A_truncated_log_is_read_from_its_beginning()
    {
        File.WriteAllText(Log, $"{new string('x', 500)}\n");
        using var reader = new ConsoleLogReader(Log);
        Assert.Empty(reader.Read());
        File.WriteAllText(Log, Abort);
        Assert.Single(reader.Read());
    }

    [Fact]
    public void A_log_that_goes_away_and_comes_back_is_followed_on()
    {
        File.WriteAllText(Log, "x\n");
        using var reader = new ConsoleLogReader(Log);
        Assert.Empty(reader.Read());
        File.Delete(Log);
        Assert.Empty(reader.Read());
        Assert.False(reader.IsOpen);
        File.WriteAllText(Log, Abort);
        Assert.Single(reader.Read());
    }

    [Fact]
    public void Of_a_log_that_was_there_already_only_the_end_is_read_and_of_a_flood_too()
    {
        File.WriteAllText(Log, Abort + new string('x', ConsoleLogReader.TailBytes) + "\nLinux version 6.1.0\n");
        using var reader = new ConsoleLogReader(Log);
        Assert.IsType<ConsoleSign.Booted>(Assert.Single(reader.Read()));
        File.AppendAllText(Log, Abort + new string('x', ConsoleLogReader.MaxTurnBytes) + "\n" + Abort);
        Assert.Single(reader.Read());
    }

    [Fact]
    public async Task Every_guests_log_is_followed_under_its_name_and_a_flood_of_one_is_cut()
    {
        var inputs = new BridgeInputQueue();
        using var watch = new ConsoleWatch(
            _folder, inputs, new BridgeClock(TimeProvider.System), NullLogger<ConsoleWatch>.Instance);
        File.WriteAllText(Path.Combine(_folder, "hypervisor.log"), Abort);
        File.WriteAllText(Path.Combine(_folder, "guest-web2.log"), Abort);
        File.WriteAllText(Log, string.Concat(Enumerable.Repeat(Abort, 500)));
        await watch.ReadAsync(TestContext.Current.CancellationToken);
        Assert.True(inputs.TryPost(new BridgeInput.Tick()));
        var heard = new List<string>();
        await foreach (BridgeInput input in inputs.ReadAllAsync(TestContext.Current.CancellationToken))
        {
            if (input is not BridgeInput.ConsoleRead read)
            {
                break;
            }

            heard.Add(read.GuestName);
        }

        Assert.Equal(["web1", "web2"], heard.Distinct().Order());
        Assert.InRange(heard.Count(name => name == "web1"), 1, 30);
    }
}
