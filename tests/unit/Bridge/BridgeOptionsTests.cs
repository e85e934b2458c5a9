using HostBridge;
using HostBridge.Recovery;
using Xunit;

namespace Tests.Unit.Bridge;

/// <summary>Settings from the command line and from a file, and what is said when they are wrong.</summary>
public sealed class BridgeOptionsTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("host-bridge-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private string Config(string text)
    {
        string path = Path.Combine(_directory, "host-bridge.conf");
        File.WriteAllText(path, text);
        return path;
    }

    [Fact]
    public void Without_settings_it_observes()
    {
        BridgeOptions options = BridgeOptionsParser.Parse(new Dictionary<string, string>(), null).Options!;
        Assert.Equal(new RecoveryPolicy(), options.Policy);
        Assert.Equal("/var/lib/host-bridge", options.StateDirectory);
        Assert.Empty(options.AssumeOperational);
        Assert.Null(options.ToolstackCommand);
    }

    [Fact]
    public void The_command_line_wins_over_the_file()
    {
        string config = Config(
            "mode = recover\nstable-seconds = 60\nassume-operational = 8:16, 253:3\n"
                + "act-without-host-evidence = true\n");
        BridgeOptions options = BridgeOptionsParser.Parse(
            new Dictionary<string, string> { ["stable-seconds"] = "5" }, config).Options!;
        Assert.Equal(
            new RecoveryPolicy { Mode = BridgeMode.Recover, ActWithoutHostEvidence = true,
                StableFor = TimeSpan.FromSeconds(5) },
            options.Policy);
        Assert.Equal([new DeviceNumber(8, 16), new DeviceNumber(253, 3)], options.AssumeOperational);
    }

    [Theory]
    [InlineData("mode = repair", "mode", "observe or recover")]
    [InlineData("stable-seconds = 0", "stable-seconds", "1 to 86400")]
    [InlineData("assume-operational = sda", "assume-operational", "MAJOR:MINOR")]
    [InlineData("state-directory = state", "state-directory", "absolute")]
    [InlineData("toolstack-command = /nowhere/toolstack", "toolstack-command", "not there")]
    [InlineData("act-without-host-evidence = yes", "act-without-host-evidence", "true")]
    [InlineData("stable = 3", "stable", "no setting")]
    [InlineData("[policy]\nmode = recover", "policy", "no setting")]
    [InlineData("mode", "mode", "name = value")]
    public void A_wrong_setting_is_one_line_naming_the_file_the_key_and_the_mend(string text, string key, string mend)
    {
        string config = Config(text);
        BridgeOptionsResult result = BridgeOptionsParser.Parse(new Dictionary<string, string>(), config);
        Assert.Null(result.Options);
        Assert.Contains(config, result.Error);
        Assert.Contains(key, result.Error);
        Assert.Contains(mend, result.Error);
    }

    [Fact]
    public void A_file_that_is_not_there_is_named()
        => Assert.Contains(
            "/nowhere/x.conf", BridgeOptionsParser.Parse(new Dictionary<string, string>(), "/nowhere/x.conf").Error);
}
