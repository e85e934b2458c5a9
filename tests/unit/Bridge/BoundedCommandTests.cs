using System.Text;
using HostBridge.Commands;
using Xunit;

namespace Tests.Unit.Bridge;

/// <summary>The one way in which the bridge runs programs.</summary>
public sealed class BoundedCommandTests
{
    private static Task<CommandOutput> RunAsync(string script, CommandLimits limits)
        => BoundedCommand.RunAsync("/bin/sh", ["-c", script], limits, TestContext.Current.CancellationToken);

    private static CommandLimits Limits(double seconds = 20) => new(TimeSpan.FromSeconds(seconds), 1000);

    [Fact]
    public async Task A_program_gets_a_clean_environment_and_a_session_of_its_own()
    {
        CommandOutput output = await RunAsync("env; echo session=$(cut -d' ' -f6 /proc/$$/stat) pid=$$", Limits());
        string[] lines = output.Text.Trim().Split('\n');
        Assert.Contains("LC_ALL=C", lines);
        Assert.DoesNotContain(lines, line => line.StartsWith("DOTNET", StringComparison.Ordinal));
        string last = lines[^1];
        Assert.Equal(last[(last.LastIndexOf('=') + 1)..], last["session=".Length..last.IndexOf(' ')]);
    }

    [Fact]
    public async Task Both_outputs_and_the_exit_code_are_told_apart()
    {
        CommandOutput output = await RunAsync("echo out; echo err >&2; exit 7", Limits());
        Assert.Equal(("out\n", "err", 7), (output.Text, output.Complaint, output.ExitCode));
        Assert.Equal("it ended with exit code 7", output.Problem);
    }

    [Fact]
    public async Task Of_a_program_that_may_flood_the_rest_is_dropped_and_it_ends_by_itself()
    {
        CommandOutput output = await RunAsync(
            "head -c 3000000 /dev/zero; exit 4", Limits() with { IsMoreDropped = true });
        Assert.Equal((1000, 4), (output.Output.Length, output.ExitCode));
    }

    [Fact]
    public async Task At_its_limit_a_program_may_end_by_itself_before_it_is_killed()
    {
        CommandOutput output = await RunAsync(
            "trap 'echo tidied >/proc/self/fd/2; exit 32' TERM; while :; do sleep 0.05; done",
            Limits(0.5) with { Grace = TimeSpan.FromSeconds(20) });
        Assert.Null(output.ExitCode);
        Assert.Contains("did not end within 0.5 s", output.Problem);
    }

    [Fact]
    public async Task A_grandchild_whose_parent_has_ended_is_killed_too()
    {
        string file = Path.GetTempFileName();
        _ = await RunAsync($"(sleep 1000 & echo $! >{file}); sleep 1000", Limits(1));
        string process = (await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken)).Trim();
        File.Delete(file);
        for (int turn = 0; turn < 200 && IsRunning(process); turn++)
        {
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        Assert.False(IsRunning(process), $"process {process} still runs");
    }

    private static bool IsRunning(string process)
    {
        try
        {
            string status = Encoding.ASCII.GetString(File.ReadAllBytes($"/proc/{process}/stat"));
            return !status[(status.LastIndexOf(')') + 2)..].StartsWith('Z');
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
