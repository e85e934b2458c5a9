using System.Diagnostics;
using System.Text;
using HostBridge.Commands;
using HostBridge.Diagnosis;
using HostBridge.Diagnosis.Parsing;
using Xunit;

namespace Tests.Unit.Bridge.Diagnosis;

/// <summary>Gathering under limits, and what must never leave the machine.</summary>
public sealed class DiagnosisTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("diagnose-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("node.session.auth.username = USER0", "node.session.auth.username = (removed)")]
    [InlineData("node.session.auth.password_in = PASS0 with spaces", "node.session.auth.password_in = (removed)")]
    [InlineData("#discovery.sendtargets.auth.password = PASS0", "#discovery.sendtargets.auth.password = (removed)")]
    [InlineData("\t\tusername: USER0", "\t\tusername: (removed)")]
    [InlineData("\t\tpassword_in: PASS0", "\t\tpassword_in: (removed)")]
    [InlineData("vncpasswd = \"PASS0\"", "vncpasswd = (removed)")]
    [InlineData("vfb = [ 'vnc=1,vncpasswd=PASS0,keymap=de' ]", "vfb = [ 'vnc=1,vncpasswd=(removed),keymap=de' ]")]
    [InlineData("  { \"enable\": true, \"passwd\": \"PASS\\\"0\", \"port\": 1 }", "  { \"enable\": true, \"passwd\": \"(removed)\", \"port\": 1 }")]
    [InlineData("BOOT=/x rd.iscsi.password=PASS0 quiet", "BOOT=/x rd.iscsi.password=(removed) quiet")]
    [InlineData("netroot=iscsi:USER0:PASS0@10.0.0.1::3260::iqn", "netroot=iscsi:(removed)@10.0.0.1::3260::iqn")]
    [InlineData("curl http://USER0:PASS0@host/", "curl http://(removed)@host/")]
    [InlineData("77 1 S x tool --password PASS0 --verbose", "77 1 S x tool --password (removed) --verbose")]
    [InlineData("dhchap_key DHHC-1:01:PASS0xyz==: x", "dhchap_key (removed) x")]
    [InlineData("/vm/1/vncpasswd = \"PASS0\"", "/vm/1/vncpasswd = (removed)")]
    public void Secrets_are_taken_out_and_the_rest_stays(string line, string expected)
    {
        string cleaned = Secrets.Remove($"before\n{line}\r\nafter");
        Assert.Equal($"before\n{expected}\r\nafter", cleaned);
    }

    [Theory]
    [InlineData("node.session.timeo.replacement_timeout = 120")]
    [InlineData("\t\tReplacement Timeout: 120")]
    [InlineData("Aborting journal on device xvda-8.")]
    [InlineData("CHAP:")]
    public void What_is_no_secret_stays(string line) => Assert.Equal(line, Secrets.Remove(line));

    [Theory]
    [InlineData("x")]
    [InlineData("iscsi:")]
    [InlineData("\"password")]
    [InlineData("a://")]
    [InlineData("--password ")]
    public void A_guest_cannot_make_the_cleaning_take_long(string piece)
    {
        string hostile = string.Concat(Enumerable.Repeat(piece, 512 * 1024 / piece.Length));
        long began = Stopwatch.GetTimestamp();
        _ = Secrets.Remove(hostile);
        Assert.InRange(Stopwatch.GetElapsedTime(began).TotalSeconds, 0, 10);
    }

    [Fact]
    public async Task A_command_that_hangs_is_killed_with_its_children_and_what_it_said_is_kept()
    {
        string program = Program("echo first; sleep 1000 & echo $!; sleep 1000");
        long began = Stopwatch.GetTimestamp();
        CommandOutput output = await BoundedCommand.RunAsync(
            program, [], new CommandLimits(TimeSpan.FromSeconds(0.5), 1000), TestContext.Current.CancellationToken);
        Assert.InRange(Stopwatch.GetElapsedTime(began).TotalSeconds, 0.4, 10);
        Assert.Equal("it did not end within 0.5 s and was killed", output.Problem);
        string[] lines = Encoding.ASCII.GetString(output.Output).Trim().Split('\n');
        Assert.Equal("first", lines[0]);
        Assert.True(await IsGoneAsync(lines[1]), $"process {lines[1]} still runs");
    }

    [Fact]
    public async Task A_command_that_floods_is_killed_and_cut()
    {
        CommandOutput output = await BoundedCommand.RunAsync(
            Program("exec yes"), [], new CommandLimits(TimeSpan.FromSeconds(20), 1000),
            TestContext.Current.CancellationToken);
        Assert.Equal((1000, "it wrote more than 1000 bytes and was killed"), (output.Output.Length, output.Problem));
    }

    [Fact]
    public async Task Items_that_hang_are_left_behind_and_the_whole_ends_within_its_limit()
    {
        using var never = new ManualResetEventSlim();
        List<DiagnosisItem> items =
        [
            .. Enumerable.Range(0, 30).Select(number => new DiagnosisItem($"hung{number}", "a dead disk", _ =>
            {
                never.Wait();
                return Task.FromResult(default(ItemContent));
            })),
            new DiagnosisItem("good", "x", _ => Task.FromResult(new ItemContent([1], null))),
        ];
        long began = Stopwatch.GetTimestamp();
        IReadOnlyList<GatheredItem> gathered = await new Gatherer(
            TimeSpan.FromSeconds(0.3), TimeSpan.FromSeconds(2), TimeProvider.System).GatherAsync(items);
        Assert.InRange(Stopwatch.GetElapsedTime(began).TotalSeconds, 0, 10);
        Assert.Equal("it hung for more than 0.3 s and was left behind", gathered[0].Content.Problem);
        Assert.Equal("not begun: the whole had taken its 2 s", gathered[^1].Content.Problem);
        never.Set();
    }

    [Fact]
    public async Task A_hung_item_takes_nothing_from_the_others()
    {
        using var never = new ManualResetEventSlim();
        IReadOnlyList<GatheredItem> gathered = await new Gatherer(
            TimeSpan.FromSeconds(0.2), TimeSpan.FromSeconds(20), TimeProvider.System).GatherAsync(
            [
                new DiagnosisItem("hung", "a dead disk", _ => Task.FromResult(Wait(never))),
                new DiagnosisItem("gone", "x", _ => throw new FileNotFoundException("gone")),
                new DiagnosisItem("good", "x", _ => Task.FromResult(new ItemContent("password = x"u8.ToArray(), null))),
            ]);
        Assert.Equal("gone", gathered[1].Content.Problem);
        Assert.Equal("password = (removed)", Encoding.ASCII.GetString(gathered[2].Content.Content));
        string index = Archive.IndexOf(gathered);
        Assert.Contains("missing          0 bytes  hung  (a dead disk): it hung for more than 0.2 s", index, StringComparison.Ordinal);
        never.Set();
    }

    private static ItemContent Wait(ManualResetEventSlim never)
    {
        never.Wait();
        return default;
    }

    private static async Task<bool> IsGoneAsync(string process)
    {
        for (int i = 0; i < 100 && Directory.Exists($"/proc/{process}"); i++)
        {
            if (File.ReadAllText($"/proc/{process}/stat").Contains(") Z ", StringComparison.Ordinal))
            {
                return true;
            }

            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        return !Directory.Exists($"/proc/{process}");
    }

    private string Program(string script)
    {
        string path = Path.Combine(_folder, "program");
        File.WriteAllText(path, $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return path;
    }
}
