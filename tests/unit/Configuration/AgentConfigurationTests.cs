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

    [Fact]
    public void What_the_reading_process_says_comes_back_as_it_was()
    {
        AgentConfiguration read = Read(
            "root-interval = 2min\nexclude = /srv /mnt/sch\u00f6n\nchannel = none\nxenstore = /a, /b\nstatus-directory = /dev/shm/x");
        ConfigurationAnswer answer = ConfigurationAnswer.Read(Encoding.UTF8.GetBytes(ConfigurationAnswer.Write(read)));
        Assert.Empty(answer.Problems);
        Assert.All(AgentKeys.Table.Keys, key
            => Assert.Equal(key.ValueIn(read.Options!), key.ValueIn(answer.Options!)));
        Assert.Equal([MountPoint.FromText("/srv"), MountPoint.FromText("/mnt/sch\u00f6n")], answer.Options!.Excluded);

        answer = ConfigurationAnswer.Read(Encoding.UTF8.GetBytes(ConfigurationAnswer.Write(Read("a = 1\nb = 2"))));
        Assert.Null(answer.Options);
        Assert.Equal(2, answer.Problems.Count);
    }

    [Fact]
    public void An_answer_that_broke_off_anywhere_is_none()
    {
        byte[] whole = Encoding.UTF8.GetBytes(ConfigurationAnswer.Write(Read("root-interval = 2min")));
        for (int length = 0; length < whole.Length; length++)
        {
            ConfigurationAnswer answer = ConfigurationAnswer.Read(whole.AsSpan(0, length));
            Assert.Null(answer.Options);
            Assert.NotEmpty(answer.Problems);
        }

        Assert.Null(ConfigurationAnswer.Read("good\nroot-interval = never\nend\n"u8).Options);
    }
}
