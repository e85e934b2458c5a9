using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using Testbed.Agents;
using Testbed.Linux;
using Xunit;

namespace Tests.Integration.Bridge;

/// <summary>The published bridge with files and drop-ins as an administrator writes them, and SIGHUP.</summary>
public sealed class ConfigurationTests : IDisposable
{
    private const int UsageExitCode = 64;

    private readonly string _folder = Directory.CreateTempSubdirectory("configuration-").FullName;

    private string Main => Path.Combine(_folder, "host-bridge.conf");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Config_prints_each_value_and_where_it_comes_from()
    {
        Write("host-bridge.conf", "mode = recover\n[guest web1]\nallow-destroy = yes\n");
        Write("host-bridge.conf.d/10-storage.conf", "stable-seconds = 60\nproof-deadline = 2min\n");
        Write("host-bridge.conf.d/20-storage.conf", "stable-seconds = 90\n");
        BridgeRun run = await BridgeProgram.RunAsync(
            _folder, null, "config", "--config", Main, "--grace-seconds", "5", "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        using JsonDocument json = JsonDocument.Parse(run.Output);
        Assert.Equal(1, json.RootElement.GetProperty("schema").GetInt32());
        Assert.Equal(3, json.RootElement.GetProperty("files").GetArrayLength());
        Dictionary<string, string> values = json.RootElement.GetProperty("settings").EnumerateArray().ToDictionary(
            one => one.GetProperty("key").GetString()!,
            one => $"{one.GetProperty("value").GetString()} {one.GetProperty("source").GetString()} "
                + $"{Path.GetFileName(one.GetProperty("place").GetString())} "
                + $"{(one.TryGetProperty("line", out JsonElement line) ? line.GetInt32() : 0)}");
        Assert.Equal("recover file host-bridge.conf 1", values["mode"]);
        Assert.Equal("90 file 20-storage.conf 1", values["stable-seconds"]);
        Assert.Equal("2min file 10-storage.conf 2", values["proof-deadline"]);
        Assert.Equal("5 command-line --grace-seconds 0", values["grace-seconds"]);
        Assert.Equal("false default  0", values["allow-destroy"]);

        run = await BridgeProgram.RunAsync(_folder, null, "config", "--config", Main, "--guest", "web1");
        Assert.Matches($"(?m)^allow-destroy +=  *true +{Main}:3$", run.Output);
        Assert.Matches($"(?m)^mode +=  *recover +{Main}:1$", run.Output);
    }

    [Fact]
    public async Task Check_names_every_mistake_and_the_bridge_does_not_start_with_any()
    {
        Write("host-bridge.conf", "moed = recover\nstable-seconds = soon\n");
        Write("host-bridge.conf.d/x.conf", "[guest web1]\npriority = high\n");
        foreach (string[] arguments in (string[][])[["config", "--check", Main], ["--config", Main]])
        {
            BridgeRun run = await BridgeProgram.RunAsync(_folder, null, arguments);
            Assert.Equal(UsageExitCode, run.ExitCode);
            string[] lines = run.Errors.TrimEnd('\n').Split('\n');
            Assert.Equal(3, lines.Length);
            Assert.Contains("host-bridge.conf:1: moed: no such key; did you mean mode?", lines[0]);
            Assert.Contains("host-bridge.conf:2: stable-seconds:", lines[1]);
            Assert.Contains("x.conf:2: [guest web1] priority: \"high\" is not allowed; write normal or infrastructure", lines[2]);
        }
    }

    // The second is how nohup(1) starts it.
    [Theory]
    [InlineData("")]
    [InlineData("HUP TERM")]
    public async Task On_SIGHUP_a_good_configuration_is_taken_and_with_a_bad_one_the_old_one_stays(string ignored)
    {
        Write("host-bridge.conf", "mode = observe\n");
        var log = new ConcurrentQueue<string>();
        using Process bridge = Start(log, ignored);
        try
        {
            await SaidAsync(log, "host-bridge starts, mode Observe");
            Write("host-bridge.conf.d/50-mode.conf", "mode = recover\nchannel = none\n[guest db1]\nmode = observe\n");
            await HangUpAsync(bridge);
            await SaidAsync(log, "the configuration was read again and is in force: mode Recover, 1 guests");
            await SaidAsync(log, "channel = none takes effect at the next start; until then it is org.guest-agent.1");

            Write("host-bridge.conf.d/60-wrong.conf", "mode = repair\n");
            await HangUpAsync(bridge);
            await SaidAsync(log, "60-wrong.conf:1: mode: \"repair\" is not allowed; write observe or recover");
            await SaidAsync(log, "has 1 mistakes: what was in force stays in force");

            File.Delete(Path.Combine(_folder, "host-bridge.conf.d/60-wrong.conf"));
            Write("host-bridge.conf.d/50-mode.conf", "mode = observe\n");
            await HangUpAsync(bridge);
            await SaidAsync(log, "is in force: mode Observe, 0 guests");
            await Tool.RequireAsync("kill", "-TERM", $"{bridge.Id}");
            await bridge.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, bridge.ExitCode);
        }
        finally
        {
            bridge.Kill();
        }
    }

    private static Task<string> HangUpAsync(Process bridge) => Tool.RequireAsync("kill", "-HUP", $"{bridge.Id}");

    private static Task SaidAsync(ConcurrentQueue<string> log, string text)
        => AgentProcess.WaitAsync(
            () => log.Any(line => line.Contains(text, StringComparison.Ordinal)),
            () => $"\"{text}\"; it says: {string.Join('\n', log)}");

    private void Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }

    private Process Start(ConcurrentQueue<string> log, string ignored)
    {
        var start = new ProcessStartInfo(
            "/bin/sh",
            [
                "-c", ignored.Length == 0 ? "exec \"$@\"" : $"trap '' {ignored}; exec \"$@\"", "sh", BridgeProgram.Program,
                "--config", Main, "--state-directory", Path.Combine(_folder, "state"), "--xenstore", Path.Combine(_folder, "none"),
            ])
        {
            RedirectStandardOutput = true,
        };
        Process process = Process.Start(start)!;
        process.OutputDataReceived += (_, line) => log.Enqueue(line.Data ?? string.Empty);
        process.BeginOutputReadLine();
        return process;
    }
}
