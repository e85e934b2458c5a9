using System.Text;
using GuestAgent.Configuration;
using Protocol.Configuration;
using Protocol.Health;
using Xunit;

namespace Tests.Unit.Configuration;

/// <summary>The agent's configuration, and how it comes back from the process that reads it again.</summary>
public sealed class AgentConfigurationTests
{
    private static AgentConfiguration Read(string text)
        => AgentConfiguration.Of([IniParser.Parse("/etc/a.conf", Encoding.UTF8.GetBytes(text))], []);

    [Theory]
    [InlineData("root-interval = soon", "a time from 1s to 1h")]
    [InlineData("root-interval = 0", "a time from 1s to 1h")]
    [InlineData("data-interval = 61min", "a time from 1s to 1h")]
    [InlineData("exclude = /srv relative", "\"relative\" is not allowed")]
    [InlineData("frequency = 5", "guest-agent.conf(5) lists the keys")]
    [InlineData("rot-interval = 5", "did you mean root-interval?")]
    [InlineData("[guest web1]\nroot-interval = 5", "there are none here")]
    public void A_mistake_is_named_with_what_is_allowed(string text, string words)
    {
        AgentConfiguration read = Read(text);
        Assert.Null(read.Options);
        Assert.Contains(words, Assert.Single(read.Problems).ToString());
    }

    private static IniDocument File(string path, string text) => IniParser.Parse(path, Encoding.UTF8.GetBytes(text));

    private static ConfigurationAnswer Answer(IReadOnlyList<IniDocument> files, params IReadOnlyList<Setting> commandLine)
        => ConfigurationAnswer.Read(Encoding.UTF8.GetBytes(ConfigurationAnswer.Write(files)), commandLine);

    [Fact]
    public void What_the_reading_process_says_comes_back_as_it_was()
    {
        IniDocument file = File(
            "/etc/a.conf",
            "root-interval = 2min\nexclude = /srv /mnt/sch\u00f6n /mnt/my\\040disk\\134\nchannel = none\nxenstore = /a, /b\n"
                + "status-directory = /dev/shm/x");
        AgentOptions read = AgentConfiguration.Of([file], []).Options!;
        ConfigurationAnswer answer = Answer([file]);
        Assert.Empty(answer.Problems);
        Assert.All(AgentKeys.Table.Keys, key => Assert.Equal(key.ValueIn(read), key.ValueIn(answer.Options!)));
        Assert.Equal(
            ["/srv", "/mnt/sch\u00f6n", "/mnt/my disk\\"],
            answer.Options!.Excluded.Select(path => Encoding.UTF8.GetString(path.ToBytes())));

        answer = Answer([File("/etc/a.conf", "a = 1\nb = 2")]);
        Assert.Null(answer.Options);
        Assert.Equal(2, answer.Problems.Count);
        Assert.Empty(answer.Faults);
    }

    [Fact]
    public void The_command_line_wins_over_what_the_reading_process_found()
    {
        var given = new Setting(string.Empty, "root-interval", "9s", SettingOrigin.CommandLine("root-interval"));
        ConfigurationAnswer answer = Answer([File("/etc/a.conf", "root-interval = 2min\nexclude = /srv")], given);
        Assert.Equal(TimeSpan.FromSeconds(9), answer.Options!.Intervals.Root);
        Assert.Equal([MountPoint.FromText("/srv")], answer.Options.Excluded);
        Assert.DoesNotContain("9s", answer.FileSettings, StringComparison.Ordinal);
    }

    [Fact]
    public void One_file_that_cannot_be_read_makes_the_whole_configuration_unknown_and_is_no_mistake()
    {
        IniDocument[] files =
        [
            File("/etc/a.conf", "root-interval = 2min"),
            IniDocument.Faulty("/etc/a.conf.d/exclude.conf", 5, "it cannot be read: Input/output error (errno 5)"),
            File("/etc/a.conf.d/wrong.conf", "frequency = 5"),
        ];
        ConfigurationAnswer answer = Answer(files);
        Assert.Null(answer.Options);
        Assert.Empty(answer.Problems);
        Assert.Equal(
            ["/etc/a.conf.d/exclude.conf: it cannot be read: Input/output error (errno 5)"], answer.Faults);
        Assert.Null(AgentConfiguration.Of(files[..2], []).Options);
    }

    [Fact]
    public void An_answer_that_broke_off_anywhere_is_no_mistake_of_the_configuration()
    {
        string[] wholes =
        [
            ConfigurationAnswer.Write([File("/etc/a.conf", "root-interval = 2min")]),
            ConfigurationAnswer.Write([File("/etc/a.conf", "frequency = 2min")]),
            ConfigurationAnswer.Write([IniDocument.Faulty("/etc/a.conf", 5, "broken")]),
        ];
        foreach (string text in wholes)
        {
            byte[] whole = Encoding.UTF8.GetBytes(text);
            for (int length = 0; length < whole.Length; length++)
            {
                ConfigurationAnswer answer = ConfigurationAnswer.Read(whole.AsSpan(0, length), []);
                Assert.Null(answer.Options);
                Assert.Empty(answer.Problems);
                Assert.NotEmpty(answer.Faults);
            }
        }

        Assert.Null(ConfigurationAnswer.Read("good\nroot-interval = never\nend\n"u8, []).Options);
    }
}
