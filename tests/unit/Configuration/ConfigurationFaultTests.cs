using System.Text;
using GuestAgent.Configuration;
using GuestAgent.Detection;
using Protocol.Configuration;
using Protocol.Configuration.Files;
using Protocol.Health;
using Xunit;

namespace Tests.Unit.Configuration;

/// <summary>What is a mistake of the configuration and what a fault of the storage, and what stands in for the files.</summary>
public sealed class ConfigurationFaultTests
{
    private static readonly BootId ThisBoot = Parse("6b1f3c9e-8f57-4b8a-a9ab-0c7a7d0f3f11");
    private static readonly BootId OlderBoot = Parse("7c1f3c9e-8f57-4b8a-a9ab-0c7a7d0f3f11");

    private static BootId Parse(string text) => BootId.TryParse(text, out BootId id) ? id : throw new FormatException();

    [Theory]
    [InlineData(4)] // EINTR
    [InlineData(5)] // EIO
    [InlineData(6)] // ENXIO
    [InlineData(11)] // EAGAIN
    [InlineData(12)] // ENOMEM
    [InlineData(13)] // EACCES
    [InlineData(16)] // EBUSY
    [InlineData(19)] // ENODEV
    [InlineData(23)] // ENFILE
    [InlineData(24)] // EMFILE
    [InlineData(30)] // EROFS
    [InlineData(61)] // ENODATA
    [InlineData(71)] // EPROTO
    [InlineData(74)] // EBADMSG, EFSBADCRC
    [InlineData(103)] // ECONNABORTED
    [InlineData(107)] // ENOTCONN
    [InlineData(108)] // ESHUTDOWN
    [InlineData(110)] // ETIMEDOUT
    [InlineData(112)] // EHOSTDOWN
    [InlineData(116)] // ESTALE
    [InlineData(117)] // EUCLEAN, EFSCORRUPTED
    [InlineData(121)] // EREMOTEIO
    [InlineData(123)] // ENOMEDIUM
    [InlineData(4095)] // MAX_ERRNO: none that anybody knows
    public void An_errno_of_the_storage_is_a_fault(int errno)
        => Assert.Equal(FileErrorKind.Fault, FileErrors.KindOf(errno, isNamed: false));

    [Theory]
    [InlineData(2, false)] // ENOENT
    [InlineData(2, true)]
    [InlineData(20, true)] // ENOTDIR
    [InlineData(21, true)] // EISDIR
    [InlineData(36, true)] // ENAMETOOLONG
    [InlineData(40, false)] // ELOOP
    [InlineData(13, true)] // EACCES
    [InlineData(1, true)] // EPERM
    public void An_errno_of_a_wrong_path_is_a_mistake(int errno, bool isNamed)
        => Assert.Equal(FileErrorKind.Mistake, FileErrors.KindOf(errno, isNamed));

    [Fact]
    public void A_copy_counts_for_its_own_boot_and_source_only_and_only_when_it_is_whole()
    {
        byte[] copy = BootCopy.Write(ThisBoot, "/etc/guest-agent", "exclude=/srv\n"u8)!;
        Assert.Equal("exclude=/srv\n"u8, BootCopy.TryRead(copy, ThisBoot, "/etc/guest-agent")!);
        Assert.Null(BootCopy.TryRead(copy, OlderBoot, "/etc/guest-agent"));
        Assert.Null(BootCopy.TryRead(copy, ThisBoot, "/etc/other.conf"));
        for (int length = 0; length < copy.Length; length++)
        {
            Assert.Null(BootCopy.TryRead(copy.AsSpan(0, length), ThisBoot, "/etc/guest-agent"));
        }

        Assert.Null(BootCopy.Write(ThisBoot, "/etc/a\nb", []));
        Assert.Null(BootCopy.Write(ThisBoot, "/etc/a", new byte[BootCopy.MaxBytes]));
    }

    [Theory]
    [InlineData("a = 1\nb = 2\n[guest web 1]\na = 3", "a = 9\n[guest web 1]\nb = \n[guest x]\nk = \" quoted \"")]
    [InlineData("a = \"\"q\"\"\nb = \"\nc = x \" y", "a =")]
    [InlineData("# only comments", "")]
    [InlineData("[guest A]\na = 1\n[guest a]\na = 2", "[guest A]\na = 3")]
    public void Several_files_as_one_say_the_same(string first, string second)
    {
        IniDocument[] files = [Ini(first), Ini(second)];
        IniDocument one = Ini(SettingsText.Write(files));
        Assert.Empty(one.Problems);
        Dictionary<(string, string), string> expected = [];
        foreach (Setting setting in files.SelectMany(file => file.Settings))
        {
            expected[(setting.Section, setting.Key)] = setting.Text;
        }

        Assert.Equal(
            expected.Where(setting => setting.Value.Length > 0).ToHashSet(),
            one.Settings.Select(setting => KeyValuePair.Create((setting.Section, setting.Key), setting.Text)).ToHashSet());
    }

    [Fact]
    public void The_longest_line_can_be_read_back()
    {
        IniDocument file = Ini($"k=\"{new string('x', IniParser.MaxLineBytes - 5)} \"");
        Assert.Empty(file.Problems);
        IniDocument again = Ini(SettingsText.Write([file]));
        Assert.Equal(file.Settings[0].Text, Assert.Single(again.Settings).Text);
    }

    [Fact]
    public void Files_are_read_again_when_the_root_is_well_again_and_else_with_back_off()
    {
        var retry = new ConfigurationRetry();
        Assert.False(retry.TakeDue(isRootWell: true, isRootSilent: false, At(0)));
        retry.Failed(At(0));
        Assert.False(retry.TakeDue(isRootWell: false, isRootSilent: false, At(29)));
        Assert.False(retry.TakeDue(isRootWell: false, isRootSilent: true, At(31)));
        Assert.True(retry.TakeDue(isRootWell: false, isRootSilent: false, At(31)));
        Assert.False(retry.TakeDue(isRootWell: false, isRootSilent: false, At(31 + 59)));
        Assert.True(retry.TakeDue(isRootWell: true, isRootSilent: false, At(31 + 59)));
        Assert.False(retry.TakeDue(isRootWell: true, isRootSilent: false, At(31 + 59 + 119)));

        // Ten minutes are the longest pause, and a reading that succeeded is the end of it.
        int now = 1000;
        for (int times = 0; times < 10; times++, now += 601)
        {
            Assert.True(retry.TakeDue(isRootWell: true, isRootSilent: false, At(now)));
        }

        retry.Succeeded();
        Assert.Null(retry.Due);
        Assert.False(retry.TakeDue(isRootWell: true, isRootSilent: false, At(now)));
    }

    private static IniDocument Ini(string text) => IniParser.Parse("/etc/a.conf", Encoding.UTF8.GetBytes(text));

    private static Moment At(int seconds)
        => new(TimeSpan.FromSeconds(seconds), DateTimeOffset.UnixEpoch + TimeSpan.FromSeconds(seconds));
}
