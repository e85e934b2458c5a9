using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using HostBridge.Correlation;
using HostBridge.Incidents;
using Protocol.Xenstore;
using Protocol.Xenstore.Client;
using Testbed.Xenstore;
using Xunit;

namespace Tests.Integration.Bridge;

/// <summary>
/// The published program's own commands, for real: on a machine that has no iSCSI, no multipath and no Xen, and on one
/// whose programs for them hang.
/// </summary>
public sealed class DoctorAndDiagnoseTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("admin-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Doctor_says_plainly_what_this_machine_lacks()
    {
        SkipOnDom0();
        BridgeRun run = await BridgeProgram.RunAsync(_folder, null, "doctor");
        Assert.Empty(run.Errors);
        Assert.InRange(run.ExitCode, 0, 1);
        Assert.Contains("no xenstored runs here", run.Output, StringComparison.Ordinal);
        Assert.Contains("open-iscsi is not installed", run.Output, StringComparison.Ordinal);
        Assert.Contains("multipathd is not installed", run.Output, StringComparison.Ordinal);
        Assert.Contains("replacement-timeout", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Doctor_tells_programs_the_same_and_prints_commands_without_running_one()
    {
        SkipOnDom0();
        BridgeRun json = await BridgeProgram.RunAsync(_folder, null, "doctor", "--json", "--failover-seconds", "45");
        using var parsed = JsonDocument.Parse(json.Output);
        Assert.Equal(json.ExitCode, parsed.RootElement.GetProperty("exit_code").GetInt32());
        BridgeRun fix = await BridgeProgram.RunAsync(_folder, null, "doctor", "--print-fix");
        Assert.StartsWith("# Nothing was changed.", fix.Output, StringComparison.Ordinal);
        BridgeRun wrong = await BridgeProgram.RunAsync(_folder, null, "doctor", "--failover-seconds", "0");
        Assert.Equal((64, "host-bridge: --failover-seconds must be 1 to 604800.\n"), (wrong.ExitCode, wrong.Errors));
    }

    [Fact]
    public async Task Diagnose_writes_one_archive_for_its_owner_alone_with_an_index_of_what_is_missing()
    {
        SkipOnDom0();
        BridgeRun run = await BridgeProgram.RunAsync(_folder, null, "diagnose");
        Assert.Equal((0, string.Empty), (run.ExitCode, run.Errors));
        string archive = Assert.Single(Directory.GetFiles(_folder, "host-bridge-diagnose-*.tar.gz"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(archive));
        Dictionary<string, string> files = Unpack(archive);
        Assert.Matches(@"missing +0 bytes  iscsi/sessions  \(iscsiadm -m session -P 3\): iscsiadm is not installed", files["INDEX"]);
        Assert.Matches(@"whole +\d+ bytes  block/sysfs", files["INDEX"]);
        Assert.Contains("no xenstored runs here", files["doctor"], StringComparison.Ordinal);
        BridgeRun again = await BridgeProgram.RunAsync(_folder, null, "diagnose", "--output", archive);
        Assert.Equal((1, $"host-bridge: {archive} is there already; give another file to --output.\n"), (again.ExitCode, again.Errors));
    }

    [Fact]
    public async Task Diagnose_ends_within_its_limit_when_iscsiadm_and_multipathd_hang_and_brings_the_guest_without_secrets()
    {
        string programs = Directory.CreateDirectory(Path.Combine(_folder, "bin")).FullName;
        Program(programs, "iscsiadm", "printf 'Target: iqn.x:t\\n\\t\\tpassword: SECRET0\\n'; sleep 1000 & sleep 1000");
        Program(programs, "multipathd", "sleep 1000");
        Program(programs, "multipath", "trap '' TERM; sleep 1000 & wait");
        await using EmbeddedXenstore store = await StoreWithGuestAsync();
        string state = Directory.CreateDirectory(Path.Combine(_folder, "state")).FullName;
        using (var incidents = new IncidentStore(state, StateLock.TryTake(state).Lock))
        {
            incidents.Open();
            incidents.Append(
            [
                new StateChange.Story(new IncidentEntry
                {
                    Time = DateTimeOffset.UnixEpoch, Guest = Guid.Empty, Name = "web1", Kind = "report", Text = "<it> happened",
                }),
                new StateChange.Happened(Moment(16, TimelineSource.Storage, "session1 is FAILED")),
                new StateChange.Happened(Moment(0, TimelineSource.HostKernel, "detected conn error")),
            ]);
        }

        string archive = Path.Combine(_folder, "a.tar.gz");

        BridgeRun run = await BridgeProgram.RunAsync(
            _folder, programs, "diagnose", "web1", "--limit-seconds", "6", "--output", archive,
            "--xenstore", store.SocketPath, "--state-directory", state);

        Assert.Equal((0, string.Empty), (run.ExitCode, run.Errors));
        Assert.InRange(run.Took.TotalSeconds, 5, 12);
        Dictionary<string, string> files = Unpack(archive);
        Assert.Matches(@"in part +\d+ bytes  iscsi/sessions .*: it did not end within [56][.\d]* s and was killed", files["INDEX"]);
        Assert.Equal("Target: iqn.x:t\n\t\tpassword: (removed)\n", files["iscsi/sessions"]);
        Assert.Contains(
            "/local/domain/5/data/guest-agent/state = \"critical journal-aborted hidden\"", files["guests/web1"],
            StringComparison.Ordinal);
        Assert.Contains("/libxl/5/vncpasswd = (removed)", files["guests/web1"], StringComparison.Ordinal);
        Assert.Equal(
            "{'time':'1970-01-01T00:00:00+00:00','guest':'00000000-0000-0000-0000-000000000000','name':'web1',"
                + "'kind':'report','text':'<it> happened'}\n",
            files["bridge/incidents.jsonl"].Replace('"', '\''));
        Assert.Equal(
            "iscsi iqn.x, 2026-03-01 (UTC)\n03:00:00.000    +0.000 s  kernel  detected conn error\n"
                + "03:00:00.016    +0.016 s  storage session1 is FAILED\n",
            files["bridge/timelines"]);
        Assert.DoesNotContain(files.Values, text => text.Contains("SECRET0", StringComparison.Ordinal));
    }

    private static void SkipOnDom0()
    {
        if (File.Exists("/run/xenstored/socket") || File.Exists("/etc/iscsi/iscsid.conf"))
        {
            Assert.Skip("this machine has Xen or open-iscsi: the test is for one that has neither");
        }
    }

    private async Task<EmbeddedXenstore> StoreWithGuestAsync()
    {
        var store = new EmbeddedXenstore(Directory.CreateDirectory(Path.Combine(_folder, "xs")).FullName);
        var client = new XenstoreClient(
            store.SocketPath, new XenstoreClientOptions { Jitter = new Random(1) }, TimeProvider.System);
        await using (client)
        {
            client.Start();
            foreach ((string path, string value) in new[]
            {
                ("/local/domain/5/name", "web1"), ("/local/domain/5/vm", "/vm/d7e7f3f0-3f5c-4a6c-9b1b-000000000005"),
                ("/local/domain/5/data/guest-agent/state", "critical journal-aborted hidden"),
                ("/libxl/5/vncpasswd", "SECRET0"),
            })
            {
                Assert.Equal(XenstoreError.None, await client.WriteAsync(
                    path, Encoding.ASCII.GetBytes(value), TestContext.Current.CancellationToken));
            }
        }

        return store;
    }

    private static TimelineEntry Moment(int milliseconds, TimelineSource source, string text) => new()
    {
        Incident = "iscsi iqn.x 1",
        LunGroup = "iscsi iqn.x",
        At = new DateTimeOffset(2026, 3, 1, 3, 0, 0, milliseconds, TimeSpan.Zero),
        Source = source,
        Text = text,
    };

    private static void Program(string folder, string name, string script)
    {
        string path = Path.Combine(folder, name);
        File.WriteAllText(path, $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
    }

    /// <summary>The files of an archive by their path in its folder.</summary>
    private static Dictionary<string, string> Unpack(string archive)
    {
        using var compressed = new GZipStream(File.OpenRead(archive), CompressionMode.Decompress);
        using var tar = new TarReader(compressed);
        var files = new Dictionary<string, string>();
        while (tar.GetNextEntry(copyData: true) is { } entry)
        {
            using var reader = new StreamReader(entry.DataStream!, Encoding.Latin1);
            files[entry.Name[(entry.Name.IndexOf('/', StringComparison.Ordinal) + 1)..]] = reader.ReadToEnd();
        }

        return files;
    }
}
