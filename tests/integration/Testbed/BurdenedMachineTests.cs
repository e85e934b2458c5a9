using System.Diagnostics;
using Testbed.Agents;
using Testbed.Domains;
using Testbed.Linux;
using Tests.Integration.Agent;
using Tests.Integration.Bridge;
using Tests.Integration.Detection;
using Tests.Integration.Survival;
using Xunit;

namespace Tests.Integration.Testbed;

/// <summary>
/// Tests of this project run once more by <c>tests/contained.sh</c> on a machine that has further mounts of the
/// filesystem of <c>/</c> and of the sources (as <c>ip netns add</c> makes one), an ext4 of its own, a nice value and
/// SIGHUP ignored. They pass, and those filesystems stay as they were.
/// </summary>
[Collection(AgentProcess.SeesEveryMount)]
public sealed class BurdenedMachineTests : IAsyncLifetime
{
    private const string ProbeFile = ".guest-agent-probe";

    /// <summary>
    /// $1: a device with an ext4, $2: the sources, $3: a file for the list of all that the three filesystems hold in
    /// their top folders, each with its time stamps and extended attributes, taken before and after the command.
    /// </summary>
    private const string Burdens =
        """
        set -e
        device=$1 sources=$2 lists=$3; shift 3
        mount --bind / /mnt
        mount --bind / /media
        mount "$device" /srv
        mount --bind "$sources" "$sources"
        mount --bind "$HOME" "$HOME"
        list() { for folder in "$@"; do ls -Aln --time-style=full-iso "$folder/.guest-agent-probe" 2>&1 || true
            find "$folder" -maxdepth 0 -printf '%p %T@ %C@\n'; getfattr -d -m - "$folder" 2>/dev/null || true; done; }
        list / "$sources" "$HOME" /srv >"$lists.before"
        trap '' HUP
        code=0
        nice -n 10 "$sources/tests/contained.sh" "$@" || code=$?
        list / "$sources" "$HOME" /srv >"$lists.after"
        exit $code
        """;

    private static readonly string[] Representatives =
    [
        $"*.{nameof(StatusTests)}.{nameof(StatusTests.Status_and_probe_print_a_table_or_json_and_end_with_the_code_of_the_worst)}",
        $"*.{nameof(AfterTheVerdictTests)}.An_aborted_filesystem_is_left_alone*",
        $"*.{nameof(BadInputTests)}.Of_forty_filesystems*",
        $"*.{nameof(BadInputTests)}.Two_thousand_bind_mounts*",
        $"*.{nameof(AgentTests)}.On_SIGHUP*",
        $"*.{nameof(AgentTests)}.It_and_its_probe_processes*",
        $"*.{nameof(ConfigurationTests)}.On_SIGHUP*",
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("burdened-").FullName;
    private Disk? _disk;

    public async ValueTask InitializeAsync()
    {
        TestbedFixture.SkipUnlessPossible();
        _disk = await Disk.CreateAsync(
            new DiskDefinition(DiskDefinition.Xvdb, "ext4", "/srv"), Path.Combine(_folder, "storage"));
        await _disk.FormatAsync(Directory.CreateDirectory(Path.Combine(_folder, "srv")).FullName);
    }

    public async ValueTask DisposeAsync()
    {
        if (_disk is not null)
        {
            await _disk.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Tests_pass_and_leave_the_filesystems_of_the_machine_as_they_were()
    {
        (int exitCode, string output) = await RunAsync(
            [
                Environment.ProcessPath!, "--no-progress", "--results-directory", "/dev/shm/results",
                "--filter-method", .. Representatives,
            ]);
        Assert.True(exitCode == 0, output);
        string before = await ReadListAsync("before");
        Assert.Equal(before, await ReadListAsync("after"));
        Assert.Contains($"'/srv/{ProbeFile}': No such file", before, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_mounts_that_the_tests_need_are_left_in_their_namespace()
    {
        (int exitCode, string output) = await RunAsync(["cut", "-d", " ", "-f", "5", "/proc/self/mountinfo"]);
        Assert.Equal(0, exitCode);
        string[] mountPoints = output.Split('\n');
        Assert.Contains(AgentProcess.RepositoryRoot, mountPoints);
        Assert.DoesNotContain(mountPoints, path => path is "/mnt" or "/media" or "/srv");
    }

    private Task<string> ReadListAsync(string moment)
        => File.ReadAllTextAsync(Path.Combine(_folder, $"lists.{moment}"), TestContext.Current.CancellationToken);

    private async Task<(int ExitCode, string Output)> RunAsync(string[] command)
    {
        var start = new ProcessStartInfo(
            "/usr/bin/unshare",
            [
                "--mount", "--propagation", "private", "sh", "-c", Burdens, "sh", _disk!.Loop.Path,
                AgentProcess.RepositoryRoot, Path.Combine(_folder, "lists"), .. command,
            ])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Tool.Start(start);
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output + await errors);
    }
}
