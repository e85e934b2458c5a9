using GuestAgent.Configuration;
using HostBridge.Configuration;
using HostBridge.Recovery;
using Protocol.Configuration;
using Xunit;

namespace Tests.Unit.Configuration;

/// <summary>
/// Every key, one after another: its default can be written down, a bad value is refused with what is allowed, and the
/// manual and the example say of it what the table does.
/// </summary>
public sealed class DocumentationTests
{
    private const string Garbage = "\u0001 garbage \u0001";

    public static TheoryData<string> BridgeNames => [.. BridgeKeys.Table.Keys.Select(key => key.Name)];

    public static TheoryData<string> GuestNames => [.. GuestPolicyKeys.Table.Keys.Select(key => key.Name)];

    public static TheoryData<string> AgentNames => [.. AgentKeys.Table.Keys.Select(key => key.Name)];

    [Theory]
    [MemberData(nameof(BridgeNames))]
    public void A_key_of_the_bridge_is_checked_and_documented(string name)
        => Check("host-bridge", BridgeKeys.Table, name, new BridgeOptions());

    [Theory]
    [MemberData(nameof(GuestNames))]
    public void A_key_of_a_guest_is_checked_and_documented(string name)
        => Check("host-bridge", GuestPolicyKeys.Table, name, new GuestPolicy());

    [Theory]
    [MemberData(nameof(AgentNames))]
    public void A_key_of_the_agent_is_checked_and_documented(string name)
        => Check("guest-agent", AgentKeys.Table, name, new AgentOptions());

    [Theory]
    [InlineData("host-bridge")]
    [InlineData("guest-agent")]
    public void The_manual_and_the_example_know_no_other_key(string program)
    {
        HashSet<string> known = program == "guest-agent"
            ? [.. AgentNames.Select(row => row.Data)]
            : [.. BridgeNames.Select(row => row.Data), .. GuestNames.Select(row => row.Data)];
        IEnumerable<string> shown = Documentation.Example(program).Split('\n')
            .Where(line => line.Contains(" = ", StringComparison.Ordinal) && !line.StartsWith("# ", StringComparison.Ordinal))
            .Select(line => line.TrimStart('#').Split(" = ")[0]);
        Assert.Superset(shown.ToHashSet(), known);
        string[] manual = Documentation.Manual(program).Split('\n');
        IEnumerable<string> explained = manual.Zip(manual.Skip(1))
            .Where(pair => pair.First == ".TP" && pair.Second.StartsWith(".B ", StringComparison.Ordinal))
            .Select(pair => pair.Second[3..].Replace("\\-", "-", StringComparison.Ordinal));
        Assert.Superset(explained.ToHashSet(), known);
    }

    private static void Check<T>(string program, SettingTable<T> table, string name, T defaults)
        where T : class
    {
        SettingKey<T> key = table.Keys.Single(one => one.Name == name);
        T settings = defaults;
        Assert.Null(key.TrySet(ref settings, key.ValueIn(defaults)));
        Assert.Equal(key.ValueIn(defaults), key.ValueIn(settings));
        Assert.EndsWith($"is not allowed; write {key.Allowed}", key.TrySet(ref settings, Garbage));
        Assert.EndsWith(".", key.Description);
        Assert.Contains(Documentation.Entry(key, defaults), Documentation.Manual(program));
        Assert.Contains(Documentation.Lines(key, defaults), Documentation.Example(program));
    }
}
