using System.Text.Json;
using Testbed.Linux;
using Testbed.Xenstore;
using Xunit;
using HostBridgeProcess = Testbed.Demo.HostBridge;

namespace Tests.Integration.Bridge;

/// <summary>The commands as an administrator runs them: the published program, asking one that runs.</summary>
public sealed class AdminCommandTests : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("admin-commands-").FullName;
    private EmbeddedXenstore _xenstore = null!;
    private HostBridgeProcess? _bridge;
    private GuestFleet _guests = null!;

    private string Socket => Path.Combine(_folder, "run", "admin.sock");

    private string State => Path.Combine(_folder, "state");

    public async ValueTask InitializeAsync()
    {
        _xenstore = new EmbeddedXenstore(_folder);
        _guests = new GuestFleet(_xenstore.SocketPath, 3);
        _bridge = Start();
        await UntilAsync(async () => (await AskAsync("status", "--json")).ExitCode == 0
            && (await GuestsAsync()).Count == 3);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _guests.Dispose();
        await _xenstore.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Status_shows_a_table_for_people_and_one_object_for_programs()
    {
        BridgeRun table = await AskAsync("status", "--all");
        Assert.Equal(0, table.ExitCode);
        Assert.Contains("NEXT STEP", table.Output);
        Assert.DoesNotContain('\e', table.Output);
        using JsonDocument json = JsonDocument.Parse((await AskAsync("status", "--json")).Output);
        Assert.Equal(1, json.RootElement.GetProperty("schema").GetInt32());
        Assert.Equal(3, json.RootElement.GetProperty("guests").GetArrayLength());
    }

    [Fact]
    public async Task Explain_and_recover_say_why_nothing_is_done()
    {
        BridgeRun explained = await AskAsync("explain", "1");
        Assert.Equal(0, explained.ExitCode);
        Assert.Contains("Its disks on this host", explained.Output);
        BridgeRun refused = await AskAsync("recover", "1");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("is not recovered: ", refused.Output);
        BridgeRun nobody = await AskAsync("explain", "nobody");
        Assert.Equal(1, nobody.ExitCode);
        Assert.Contains("no guest \"nobody\" is known here", nobody.Errors);
    }

    [Fact]
    public async Task A_pause_holds_over_a_restart_of_the_bridge_and_stands_in_the_history()
    {
        Assert.Equal(0, (await AskAsync("pause", "--for", "2h")).ExitCode);
        await StopAsync();

        BridgeRun down = await AskAsync("status");
        Assert.Equal(69, down.ExitCode);
        Assert.Contains("no bridge answers at", down.Errors);
        BridgeRun history = await RunAsync("history", "--state-directory", State);
        Assert.Equal(0, history.ExitCode);
        Assert.Contains("a person paused the bridge until", history.Output);

        _bridge = Start();
        await UntilAsync(async () => (await AskAsync("status")).ExitCode == 0);
        Assert.Contains("paused until", (await AskAsync("status")).Output);
        Assert.Equal(0, (await AskAsync("resume")).ExitCode);
        Assert.Equal(1, (await AskAsync("resume")).ExitCode);
        Assert.DoesNotContain("paused until", (await AskAsync("status")).Output);
    }

    [Fact]
    public async Task Check_ends_with_the_codes_of_monitoring_plugins()
    {
        BridgeRun paused = await AskAsync("pause");
        Assert.Equal(0, paused.ExitCode);
        BridgeRun warning = await AskAsync("check");
        Assert.Equal(1, warning.ExitCode);
        Assert.StartsWith("HOST-BRIDGE WARNING - ", warning.Output, StringComparison.Ordinal);
        Assert.Contains(" | guests=3", warning.Output);
        Assert.Single(warning.Output.Trim().Split('\n'));
        Assert.Equal(3, (await AskAsync("check", "--domain", "nobody")).ExitCode);

        await StopAsync();
        BridgeRun down = await AskAsync("check");
        Assert.Equal(2, down.ExitCode);
        Assert.StartsWith("HOST-BRIDGE CRITICAL - no bridge answers", down.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoever_is_not_root_is_turned_away_by_the_folder_and_by_the_bridge()
    {
        string[] command =
        [
            "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
            BridgeProgram.Program, "status", "--admin-socket", Socket,
        ];
        ToolResult atTheFolder = await Tool.RunAsync(command[0], command[1..]);
        Assert.Equal(77, atTheFolder.ExitCode);
        Assert.Contains("only root may ask", atTheFolder.Output);

        await Tool.RequireAsync("chmod", "0755", _folder, Path.GetDirectoryName(Socket)!);
        await Tool.RequireAsync("chmod", "0666", Socket);
        ToolResult atTheBridge = await Tool.RunAsync(command[0], command[1..]);
        Assert.Equal(77, atTheBridge.ExitCode);
        Assert.Contains("only root may ask", atTheBridge.Output);
    }

    [Fact]
    public async Task A_wrong_option_of_check_is_unknown_to_a_monitor()
    {
        BridgeRun run = await RunAsync("check", "--json");
        Assert.Equal(3, run.ExitCode);
        Assert.StartsWith("host-bridge: ", run.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pause", "--for", "soon")]
    [InlineData("history", "--since", "yesterday")]
    [InlineData("history", "--limit", "0")]
    [InlineData("acknowledge")]
    [InlineData("explain")]
    [InlineData("status", "--no-such-option")]
    [InlineData("notify")]
    public async Task What_is_no_command_ends_with_64(params string[] arguments)
    {
        BridgeRun run = await RunAsync(arguments);
        Assert.Equal(64, run.ExitCode);
        Assert.StartsWith("host-bridge: ", run.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_state_directory_without_a_history_is_said()
    {
        BridgeRun run = await RunAsync("history", "--state-directory", Path.Combine(_folder, "empty"));
        Assert.Equal(69, run.ExitCode);
        Assert.Contains("holds no history that can be read", run.Errors);
    }

    private HostBridgeProcess Start() => HostBridgeProcess.Start(
        BridgeProgram.Program,
        ["--xenstore", _xenstore.SocketPath, "--state-directory", State, "--admin-socket", Socket],
        Path.Combine(_folder, "log"));

    private async Task StopAsync()
    {
        if (_bridge is { } bridge)
        {
            _bridge = null;
            await bridge.DisposeAsync();
        }
    }

    private Task<BridgeRun> AskAsync(string command, params string[] arguments)
        => RunAsync([command, .. arguments, "--admin-socket", Socket]);

    private Task<BridgeRun> RunAsync(params string[] arguments)
        => BridgeProgram.RunAsync(_folder, programs: null, arguments);

    private async Task<IReadOnlyList<JsonElement>> GuestsAsync()
    {
        using JsonDocument json = JsonDocument.Parse((await AskAsync("status", "--json")).Output);
        return [.. json.RootElement.GetProperty("guests").EnumerateArray().Select(guest => guest.Clone())];
    }

    private static async Task UntilAsync(Func<Task<bool>> isSoAsync)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (!await isSoAsync())
        {
            await Task.Delay(100, limit.Token);
        }
    }
}
