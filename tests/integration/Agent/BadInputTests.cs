using System.Diagnostics;
using System.Text;
using Protocol.Health;
using Protocol.Xenstore;
using Testbed.Agents;
using Testbed.Domains;
using Testbed.Linux;
using Testbed.Xenstore;
using Xunit;

namespace Tests.Integration.Agent;

/// <summary>The published agent, and what administrators, programs and storage put before it.</summary>
[Collection(AgentProcess.SeesEveryMount)]
public sealed class BadInputTests : IAsyncLifetime
{
    private const int DomainId = 7;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly Expectation Writable = new(Verdict.Writable, Hidden: false);
    private static readonly Expectation Full = new(Verdict.Full, Hidden: false);
    private static readonly Expectation Refused = new(Verdict.Unknown, Hidden: false, "probe-refused");
    private static readonly Expectation Aborted = new(Verdict.JournalAborted, Hidden: true);

    private readonly string _folder = Directory.CreateTempSubdirectory("bad-input-").FullName;
    private EmbeddedXenstore? _xenstore;
    private FaultyFilesystem? _filesystem;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        if (FaultDisk.WhyNot() is { } reason)
        {
            Assert.Skip(reason);
        }

        _xenstore = new EmbeddedXenstore(Directory.CreateDirectory(Path.Combine(_folder, "store")).FullName);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        // Mount points as the table has them: octal escapes for what is no plain character.
        await InFolderAsync("""
            awk -v folder="$PWD" 'index($5, folder) == 1 && $5 !~ "/filesystem/" { print $5 }' /proc/self/mountinfo | tac |
                while read -r path; do umount "$(printf "$path")"; done
            """);
        if (_filesystem is not null)
        {
            await _filesystem.DisposeAsync();
        }

        if (_xenstore is not null)
        {
            await _xenstore.DisposeAsync();
        }

        // Not by the library, which knows no names that are not UTF-8.
        await Tool.RequireAsync("rm", "-r", _folder);
    }

    [Theory]
    [InlineData("with blanks in it")]
    [InlineData("line\\nfeed\\ttab")]
    [InlineData("not\\0377utf8\\0300")]
    [InlineData("back\\\\slash\\\\040")]
    public async Task A_mount_point_may_have_any_name(string name)
    {
        await InFolderAsync($"""p="$(printf %b '{name}')"; {MakeAndMount("\"$p\"")}""");
        byte[] bytes = [.. Encoding.ASCII.GetBytes(_folder + "/"), .. Convert.FromHexString(
            (await InFolderAsync($"printf %b '{name}' | od -An -v -tx1 | tr -d ' \\n'")).Trim())];
        string encoded = MountPoint.FromBytes(bytes).Encoded;
        await using WatchingAgent agent = Start();
        await agent.Process.WaitForStatusAsync($"\n{encoded} writable");
        await InFolderAsync($"""p="$(printf %b '{name}')"; [ -s "$p/.guest-agent-probe" ]; {Abort("\"$p\"")}""");
        await agent.Process.WaitForStatusAsync($"\n{encoded} journal-aborted (hidden: mount says rw)");
        Assert.Contains($"mount={encoded} ", Read(GuestKeys.Filesystem(0)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Filesystems_that_come_and_go_at_any_moment_cause_no_alarm_and_no_end()
    {
        const int rounds = 40;
        await CreateAsync("ext4", "errors=remount-ro");
        await using WatchingAgent agent = Start("--data-interval", "1");
        await SeeAsync(agent, Writable);
        await InFolderAsync(MakeAndMount("guest"));
        for (int round = 0; round < rounds; round++)
        {
            await Task.Delay(Random.Shared.Next(60), Cancellation);
            await InFolderAsync("until umount guest; do sleep 0.01; done");
            await Task.Delay(Random.Shared.Next(60), Cancellation);
            await InFolderAsync("mount -o loop guest.image guest");
        }

        await InFolderAsync("until umount guest; do sleep 0.01; done");
        string guest = Path.Combine(_folder, "guest");
        await AgentProcess.WaitAsync(
            () => !agent.Process.Status.Contains(guest, StringComparison.Ordinal), () => "it to be forgotten");
        Assert.False(agent.Process.HasEnded);
        Assert.All(agent.SaidOf(_filesystem!.Path), said => Assert.Equal(Verdict.Writable, said.Line.Health.Verdict));
        Assert.DoesNotContain(
            agent.SaidOf(guest), said => said.Line.Health.Verdict.ToSeverity() == Severity.Critical);
        Assert.DoesNotContain(agent.SaidOf(guest), said => said.Line.Health.Hidden);
    }

    [Fact]
    public async Task Two_thousand_bind_mounts_of_a_filesystem_are_one_filesystem()
    {
        FaultyFilesystem filesystem = await CreateAsync("ext4", "errors=remount-ro");
        await using WatchingAgent agent = Start();
        await SeeAsync(agent, Writable);
        for (int number = 0; number < 2000; number++)
        {
            LinuxCalls.BindMount(
                filesystem.Path, Directory.CreateDirectory(Path.Combine(_folder, "binds", $"{number}")).FullName);
        }

        Assert.Equal("1", Read(GuestKeys.FilesystemCount));
        await filesystem.ShellAsync("echo test >/sys/fs/ext4/$2/trigger_fs_error");
        await SeeAsync(agent, Aborted);
        Assert.Equal("1", Read(GuestKeys.FilesystemCount));
    }

    [Theory]
    [InlineData("head -c 4096 /dev/zero >target; chmod 600 target; ln -s target .guest-agent-probe")]
    [InlineData("ln -s /nowhere .guest-agent-probe")]
    [InlineData("head -c 4096 /dev/zero >target; chmod 600 target; ln target .guest-agent-probe")]
    [InlineData("mkfifo -m 600 .guest-agent-probe")]
    [InlineData("mkdir -m 600 .guest-agent-probe")]
    public async Task A_probe_file_that_is_replaced_under_the_agent_is_refused_and_never_written_through(string plant)
    {
        FaultyFilesystem filesystem = await CreateAsync("ext4", "errors=remount-ro");
        await using WatchingAgent agent = Start("--data-interval", "1");
        await SeeAsync(agent, Writable);
        // Made beside it and moved over it, so that the agent never finds the name free.
        await filesystem.ShellAsync(
            $"mkdir \"$1/new\"; cd \"$1/new\"; {plant}; [ ! -e target ] || mv target ..; "
            + "[ ! -d .guest-agent-probe ] || rm \"$1/.guest-agent-probe\"; "
            + "mv -T .guest-agent-probe \"$1/.guest-agent-probe\"");
        await SeeAsync(agent, Refused);
        string state = await filesystem.ShellAsync(
            "cd \"$1\"; stat -c '%F %i %h %Y' .guest-agent-probe; [ ! -e target ] || cmp -n 4096 target /dev/zero");
        await Task.Delay(TimeSpan.FromSeconds(3), Cancellation);
        Assert.Equal(state, await filesystem.ShellAsync(
            "cd \"$1\"; stat -c '%F %i %h %Y' .guest-agent-probe; [ ! -e target ] || cmp -n 4096 target /dev/zero"));
        Assert.False(File.Exists("/nowhere"));

        await filesystem.ShellAsync("rm -r \"$1/.guest-agent-probe\"");
        await SeeAsync(agent, Writable);
    }

    [Theory]
    [InlineData("dd if=/dev/zero of=\"$1/fill\" bs=64k; dd if=/dev/zero of=\"$1/more\" bs=1k")]
    [InlineData("i=0; while : >\"$1/many-$i\"; do i=$((i+1)); done")]
    public async Task A_filesystem_that_is_full_before_the_agent_comes_is_full_and_no_fault(string fill)
    {
        FaultyFilesystem filesystem = await CreateAsync("ext4", "errors=remount-ro");
        await Tool.RunAsync("sh", "-c", fill, "sh", filesystem.Path);
        await using WatchingAgent agent = Start("--data-interval", "1");
        await SeeAsync(agent, Full);
        await filesystem.ShellAsync("rm -f \"$1\"/fill \"$1\"/more \"$1\"/many-*");
        await SeeAsync(agent, Writable);
    }

    /// <summary>
    /// Of btrfs, whose quotas bind root too. Those of ext4 and xfs exempt whoever has CAP_SYS_RESOURCE, as the agent
    /// has.
    /// </summary>
    [Fact]
    public async Task A_quota_that_is_used_up_is_full_and_no_fault()
    {
        FaultyFilesystem filesystem = await CreateAsync("btrfs", "defaults");
        await filesystem.ShellAsync("btrfs quota enable \"$1\" && btrfs qgroup limit 1M \"$1\" && sync -f \"$1\"");
        string met = await filesystem.ShellAsync("dd if=/dev/zero of=\"$1/fill\" bs=64k conv=fsync 2>&1 || true");
        Assert.Contains("Disk quota exceeded", met, StringComparison.Ordinal);
        await using WatchingAgent agent = Start("--data-interval", "1");
        await SeeAsync(agent, Full with { Evidence = ["probe:EDQUOT"] });
        await filesystem.ShellAsync("btrfs quota disable \"$1\" && sync -f \"$1\"");
        await SeeAsync(agent, Writable);
    }

    [Fact]
    public async Task Of_forty_filesystems_the_worst_sixteen_are_reported_and_the_count_is_told()
    {
        const int filesystems = 40;
        await InFolderAsync($"for i in $(seq {filesystems}); do {MakeAndMount("m$i")}; done");
        await using WatchingAgent agent = Start();
        await AgentProcess.WaitAsync(
            () => Read(GuestKeys.FilesystemCount) == $"{filesystems}", () => "a report of all", Limit);
        await InFolderAsync($"{Abort("m33")}; {Abort("m40")}");
        await AgentProcess.WaitAsync(
            () => (Read(GuestKeys.Filesystem(0)) + Read(GuestKeys.Filesystem(1))) is var worst
                && worst.Contains($"{_folder}/m33 ", StringComparison.Ordinal)
                && worst.Contains($"{_folder}/m40 ", StringComparison.Ordinal)
                && worst.Split("verdict=journal-aborted").Length == 3,
            () => $"the two first; there are {Read(GuestKeys.Filesystem(0))} {Read(GuestKeys.Filesystem(1))}", Limit);
        Assert.Equal($"{filesystems}", Read(GuestKeys.FilesystemCount));
        Assert.NotEmpty(Read(GuestKeys.Filesystem(GuestReport.MaxFilesystems - 1)));
        Assert.Empty(Read(GuestKeys.Filesystem(GuestReport.MaxFilesystems)));
        Assert.Equal("critical journal-aborted hidden", Read(GuestKeys.State));
    }

    private WatchingAgent Start(params string[] options)
        => WatchingAgent.Start(_xenstore!, DomainId, Path.Combine(_folder, "agent"), options);

    private async Task<FaultyFilesystem> CreateAsync(string type, string options)
        => _filesystem = await FaultyFilesystem.CreateAsync(Path.Combine(_folder, "filesystem"), type, options);

    private async Task SeeAsync(WatchingAgent agent, Expectation expected)
    {
        Sighting sighting = await agent.WatchAsync(_filesystem!.Path, expected, Stopwatch.GetTimestamp(), Limit);
        Assert.True(sighting.IsAsExpected, $"expected {expected}; the agent says {sighting}");
    }

    private string Read(string key) => _xenstore!.Read(GuestKeys.Absolute(DomainId, key)) ?? string.Empty;

    private Task<string> InFolderAsync(string line)
        => Tool.RequireAsync("sh", "-c", $"cd \"$1\" && {line}", "sh", _folder);

    /// <summary>A small ext4 at this path; its device goes with the mount.</summary>
    private static string MakeAndMount(string path)
        => $"{{ mkdir {path} && truncate -s 8M {path}.image && mke2fs -q -F -t ext4 {path}.image "
            + $"&& mount -o loop,errors=remount-ro {path}.image {path}; }}";

    /// <summary>Has the kernel meet an error on the filesystem that is mounted there.</summary>
    private static string Abort(string path)
        => $"echo test >/sys/fs/ext4/loop$(stat -c %Ld {path})/trigger_fs_error";
}
