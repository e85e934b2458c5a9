using System.Text;
using HostBridge.Recovery;
using HostBridge.Toolstacks.Parsing;
using Xunit;

namespace Tests.Unit.Bridge.Toolstacks;

/// <summary>What xl 4.17 printed on a real host, and what is not that.</summary>
public sealed class XlParsingTests
{
    private static readonly Guid Uuid = Guid.Parse("6f0c2a52-6f43-4d0f-9e0a-0f4a7c1a1d01");

    private static string Recorded(string name)
        => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Bridge/Toolstacks/Recorded", name));

    private static XlDomainConfig Running(string? json = null)
        => XlDomainConfig.ParseRunning(Encoding.UTF8.GetBytes(json ?? Recorded("xl-list-l.json")), domain: 1)!;

    private static XlDomainConfig Defined()
        => XlDomainConfig.ParseDryRun(Encoding.UTF8.GetBytes(Recorded("xl-create-n.json")))!;

    [Fact]
    public void The_list_of_a_real_host_is_understood()
    {
        IReadOnlyList<XlDomain> domains = XlDomainList.Parse(Recorded("xl-list-v.txt"))!;
        Assert.Equal([new DomainId(0), new DomainId(1)], domains.Select(domain => domain.Domain));
        Assert.Equal(new XlDomain(new DomainId(1), Uuid, "guest"), domains[1]);
    }

    [Theory]
    [InlineData("--p---", true, false, false)]
    [InlineData("--ps--", true, true, false)]
    [InlineData("---sc-", false, true, false)]
    [InlineData("---sr-", false, true, false)]
    [InlineData("--psr-", true, true, false)]
    [InlineData("--psrd", true, true, true)]
    [InlineData("---ss-", false, true, false)]
    [InlineData("---sw-", false, true, false)]
    [InlineData("---sS-", false, true, false)]
    [InlineData("---s?-", false, true, false)]
    [InlineData("--ps-d", true, true, true)]
    [InlineData("-----d", false, false, true)]
    [InlineData("------", false, false, false)]
    public void States_are_told_apart(string state, bool isPaused, bool isShutDown, bool isDying)
    {
        XlDomain domain = XlDomainList.Parse(
            Recorded("xl-list-v.txt").Replace("1     r-----      50.5", $"1     {state}      50.5", StringComparison.Ordinal))![1];
        Assert.Equal((isPaused, isShutDown, isDying), (domain.IsPaused, domain.IsShutDown, domain.IsDying));
    }

    [Fact]
    public void A_domain_without_a_name_and_one_with_blanks_in_its_name_are_domains()
    {
        string text = Recorded("xl-list-v.txt");
        Assert.Equal("(null)", XlDomainList.Parse(text.Replace("guest ", "(null)", StringComparison.Ordinal))![1].Name);
        Assert.Equal("a 1 2 b", XlDomainList.Parse(text.Replace("guest  ", "a 1 2 b", StringComparison.Ordinal))![1].Name);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Name ID\n")]
    [InlineData("Error: Domain '77' does not exist.\n")]
    public void What_is_no_list_is_none(string text) => Assert.Null(XlDomainList.Parse(text));

    [Fact]
    public void A_list_with_one_line_that_is_not_understood_is_none_as_nobody_can_be_said_to_be_gone()
    {
        string text = Recorded("xl-list-v.txt");
        Assert.Null(XlDomainList.Parse(text + "guest2   2 broken\n"));
        Assert.Null(XlDomainList.Parse(text.Replace("Domain-0                                     0", "Domain-0                                     5", StringComparison.Ordinal)));
        // Cut within its last line, as far as the end of the uuid.
        int lastLine = text.TrimEnd().LastIndexOf('\n') + 1;
        int lastUuid = text.IndexOf(Uuid.ToString("D"), StringComparison.Ordinal);
        for (int length = lastLine + 1; length < lastUuid + 36; length++)
        {
            Assert.Null(XlDomainList.Parse(text[..length]));
        }
    }

    [Fact]
    public void A_domain_and_the_file_it_was_made_of_mean_the_same()
    {
        XlDomainConfig running = Running();
        Assert.Equal(("pv", "guest", Uuid), (running.Type, running.Name, running.Uuid));
        Assert.Equal("console=hvc0 loglevel=7 mitigations=off", running.Arguments);
        Assert.Equal(("destroy", "restart", "preserve"), (running.OnPowerOff, running.OnReboot, running.OnCrash));
        Assert.Equal(new XlDisk("/dev/sda", "xvda", IsWritable: true, string.Empty), Assert.Single(running.Disks));
        Assert.Empty(XlConfigRules.Differences(running, Defined(), Uuid.ToString("D")));
        Assert.Empty(XlConfigRules.Differences(running, Defined() with { Uuid = Guid.NewGuid() }, fileUuid: null));
    }

    [Fact]
    public void Every_difference_is_named()
    {
        XlDomainConfig defined = Defined() with
        {
            Name = "other",
            Type = "hvm",
            OnCrash = "dance",
            Disks = [new XlDisk("/dev/sdb", "xvda", IsWritable: true, string.Empty)],
        };
        string text = string.Join("; ", XlConfigRules.Differences(Running(), defined, Guid.Empty.ToString("D")));
        Assert.Contains("its name is other", text);
        Assert.Contains("its uuid is 00000000", text);
        Assert.Contains("its type is hvm", text);
        Assert.Contains("the domain has the disk xvda = /dev/sda that the file has not", text);
        Assert.Contains("it has the disk xvda = /dev/sdb that the domain has not", text);
        Assert.Contains("on_crash = dance", text);
    }

    [Theory]
    [InlineData("\"readwrite\": 1", "\"readwrite\": 0")]
    [InlineData("\"vdev\": \"xvda\"", "\"vdev\": \"xvdb\"")]
    [InlineData("\"format\": \"raw\"", "\"backend_domname\": \"storage\"")]
    public void A_disk_that_is_served_otherwise_is_another(string was, string becomes)
        => Assert.NotEmpty(XlConfigRules.Differences(
            Running(Recorded("xl-list-l.json").Replace(was, becomes, StringComparison.Ordinal)), Defined(), null));

    [Theory]
    [InlineData("\"domid\": 1,", "\"domid\": 2,")]
    [InlineData("\"name\": \"guest\",", "")]
    [InlineData("6f0c2a52-", "")]
    [InlineData("\"vdev\": \"xvda\",", "")]
    [InlineData("\"type\": \"pv\"", "\"type\": 7")]
    [InlineData("\"disks\": [", "\"disks\": 3, \"x\": [")]
    public void A_definition_that_lacks_something_is_none(string was, string becomes)
        => Assert.Null(XlDomainConfig.ParseRunning(
            Encoding.UTF8.GetBytes(Recorded("xl-list-l.json").Replace(was, becomes, StringComparison.Ordinal)), domain: 1));

    [Fact]
    public void A_definition_that_is_cut_anywhere_or_followed_by_words_is_none()
    {
        byte[] json = Encoding.UTF8.GetBytes(Recorded("xl-create-n.json").TrimEnd());
        for (int length = 0; length < json.Length; length++)
        {
            Assert.Null(XlDomainConfig.ParseDryRun(json.AsSpan(0, length)));
        }

        Assert.Null(XlDomainConfig.ParseDryRun([.. json, .. "{}"u8]));
        Assert.NotNull(XlDomainConfig.ParseDryRun([.. json, .. "\n \n"u8]));
    }

    [Theory]
    [InlineData("", "fsck.mode=force fsck.repair=preen forcefsck")]
    [InlineData("root=/dev/xvda ro", "root=/dev/xvda ro fsck.mode=force fsck.repair=preen forcefsck")]
    [InlineData("fsck.mode=skip quiet fsck.repair=no", "quiet fsck.mode=force fsck.repair=preen forcefsck")]
    [InlineData("quiet fsck.mode=force fsck.repair=preen forcefsck", "quiet fsck.mode=force fsck.repair=preen forcefsck")]
    public void A_forced_check_is_merged_into_the_arguments(string arguments, string expected)
        => Assert.Equal(expected, KernelArguments.WithForcedCheck(arguments));

    [Theory]
    [InlineData("a b", "cmdline=\"a b\"")]
    [InlineData("a=\"b\"", "cmdline='a=\"b\"'")]
    [InlineData("a='b' c=\"d\"", null)]
    [InlineData("a\nb", null)]
    [InlineData("a\\", null)]
    public void A_setting_is_quoted_or_not_made(string value, string? expected)
        => Assert.Equal(expected, KernelArguments.Setting("cmdline", value));

    [Fact]
    public void Only_a_Linux_kernel_of_Dom0_or_pygrub_takes_arguments_from_Dom0()
    {
        XlDomainConfig direct = Defined();
        Assert.Null(XlConfigRules.WhyArgumentsAreNotOurs(direct));
        Assert.Null(XlConfigRules.WhyArgumentsAreNotOurs(direct with { Type = "pvh" }));
        Assert.Null(XlConfigRules.WhyArgumentsAreNotOurs(
            direct with { Kernel = null, Bootloader = "/usr/lib/xen-4.17/bin/pygrub" }));
        Assert.NotNull(XlConfigRules.WhyArgumentsAreNotOurs(direct with { Bootloader = "/usr/bin/eliloader" }));
        Assert.NotNull(XlConfigRules.WhyArgumentsAreNotOurs(direct with { Kernel = null }));
        Assert.NotNull(XlConfigRules.WhyArgumentsAreNotOurs(direct with { Type = "hvm" }));
        Assert.NotNull(XlConfigRules.WhyArgumentsAreNotOurs(
            direct with { Kernel = "/usr/lib/grub-xen/grub-x86_64-xen.bin" }));
    }
}
