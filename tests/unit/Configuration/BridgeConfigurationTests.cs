using System.Text;
using HostBridge.Configuration;
using HostBridge.Notifications;
using HostBridge.Recovery;
using Protocol.Configuration;
using Xunit;

namespace Tests.Unit.Configuration;

/// <summary>What the bridge makes of its files and its command line, and what it says of mistakes in them.</summary>
public sealed class BridgeConfigurationTests
{
    private const string Uuid = "0a0b0c0d-0000-0000-0000-00000000000f";

    private static BridgeConfiguration Read(params string[] files)
        => BridgeConfiguration.Of(
            new BridgeOptions(),
            [.. files.Select((text, index) => IniParser.Parse($"/etc/{index}.conf", Encoding.UTF8.GetBytes(text)))],
            []);

    private static BridgeConfiguration Read(string file, params (string Key, string Text)[] commandLine)
        => BridgeConfiguration.Of(
            new BridgeOptions(),
            [IniParser.Parse("/etc/0.conf", Encoding.UTF8.GetBytes(file))],
            [
                .. commandLine.Select(one => new Setting(
                    string.Empty, one.Key, one.Text, SettingOrigin.CommandLine(one.Key))),
            ]);

    private static string Problem(string text) => Assert.Single(Read(text).Problems).ToString();

    [Fact]
    public void Without_settings_it_observes_and_everything_is_a_default()
    {
        BridgeConfiguration configuration = Read(Array.Empty<string>());
        BridgeOptions options = configuration.Options!;
        Assert.Equal(new RecoveryPolicy(), options.Policy);
        Assert.Equal("/var/lib/host-bridge", options.StateDirectory);
        Assert.Empty(options.AssumeOperational);
        Assert.Null(options.ToolstackCommand);
        Assert.Equal(ToolstackKind.None, options.Toolstack);
        Assert.All(BridgeKeys.Table.Keys, key
            => Assert.Equal(SettingOrigin.Default, configuration.Host.OriginOf(key.Section, key.Name)));
    }

    [Fact]
    public void The_command_line_wins_over_the_files_and_later_files_over_earlier_ones()
    {
        BridgeConfiguration configuration = Read(
            "mode = recover\nstable-seconds = 60\nassume-operational = 8:16, 253:3\n", ("stable-seconds", "5"));
        Assert.Equal(
            new RecoveryPolicy { Mode = BridgeMode.Recover, StableFor = TimeSpan.FromSeconds(5) },
            configuration.Options!.Policy);
        Assert.Equal([new DeviceNumber(8, 16), new DeviceNumber(253, 3)], configuration.Options.AssumeOperational);
        Assert.Equal("/etc/0.conf:1", configuration.Host.OriginOf("", "mode").ToString());
        Assert.Equal("--stable-seconds", configuration.Host.OriginOf("", "stable-seconds").ToString());

        configuration = Read("mode = recover\nproof-deadline = 2min", "mode = observe");
        Assert.Equal(BridgeMode.Observe, configuration.Options!.Policy.Mode);
        Assert.Equal(TimeSpan.FromMinutes(2), configuration.Options.Policy.ProofDeadline);
        Assert.Equal("/etc/1.conf:1", configuration.Host.OriginOf("", "mode").ToString());
    }

    [Fact]
    public void A_key_without_a_value_takes_back_what_earlier_files_say()
    {
        BridgeConfiguration configuration = Read("mode = recover\n", "mode =\n");
        Assert.Equal(BridgeMode.Observe, configuration.Options!.Policy.Mode);
        Assert.Equal(SettingOrigin.Default, configuration.Host.OriginOf("", "mode"));
    }

    [Theory]
    [InlineData("mode = repair", "mode", "observe or recover")]
    [InlineData("stable-seconds = 0", "stable-seconds", "1 to 86400")]
    [InlineData("stable-seconds = 30s", "stable-seconds", "1 to 86400")]
    [InlineData("assume-operational = 8:0, sda", "\"sda\"", "MAJOR:MINOR")]
    [InlineData("state-directory = state", "state-directory", "absolute")]
    [InlineData("guest-config-folders = /etc/xen,,", "guest-config-folders", "absolute")]
    [InlineData("act-without-host-evidence = perhaps", "act-without-host-evidence", "true or false")]
    [InlineData("channel = a,b", "channel", "or none")]
    [InlineData("stable-second = 3", "stable-second", "did you mean stable-seconds?")]
    [InlineData("frobnicate = 3", "frobnicate", "host-bridge.conf(5) lists the keys")]
    [InlineData("priority = infrastructure", "priority", "belongs in a section [guest NAME-OR-UUID]")]
    [InlineData("mode", "mode", "name = value")]
    [InlineData("mode = recover # at last", "mode", "a comment needs a line of its own")]
    [InlineData("[policy]\nmode = recover", "[policy]", "write [guest NAME-OR-UUID]")]
    [InlineData("[gest web1]\nmode = recover", "[gest web1]", "did you mean [guest web1]?")]
    [InlineData("[guest]\nmode = recover", "[guest]", "write [guest NAME-OR-UUID]")]
    [InlineData("[guest web1]\nmode = repair", "[guest web1] mode", "observe or recover")]
    [InlineData("[guest web1]\nstable-seconds = 3", "[guest web1] stable-seconds", "belongs before the first section")]
    [InlineData("notify-mail-to = Admin <a@example.org>", "notify-mail-to", "addresses without names")]
    [InlineData("notify-mail-from = -oQ/tmp", "notify-mail-from", "like root or admin@example.org")]
    [InlineData("notify-title = {gust}: {title}", "notify-title", "{host}, {title}")]
    [InlineData("notify-hook = mail.sh", "notify-hook", "absolute")]
    [InlineData("notify-delivery-seconds = 0", "notify-delivery-seconds", "1 to 600")]
    [InlineData("notify-journal = perhaps", "notify-journal", "true or false")]
    [InlineData("notify-webhook = https://x/", "notify-webhook", "did you mean")]
    [InlineData("toolstack = command", "toolstack", "set toolstack-command")]
    [InlineData("toolstack = xl\ntoolstack-command = /bin/true", "toolstack-command", "leave one of them out")]
    public void A_mistake_names_the_file_the_line_the_key_and_the_mend(string text, string key, string mend)
    {
        string problem = Problem(text);
        Assert.StartsWith("/etc/0.conf:", problem, StringComparison.Ordinal);
        Assert.Contains(key, problem);
        Assert.Contains(mend, problem);
    }

    [Fact]
    public void Every_mistake_is_named_in_the_order_of_the_files_also_in_what_would_not_win()
    {
        BridgeConfiguration configuration = Read(
            "stable-seconds = soon\nmoed = recover\n[guest web1]\npriority = high\n", "stable-seconds = 30\nmode=x");
        Assert.Null(configuration.Options);
        Assert.Equal(
            ["/etc/0.conf:1", "/etc/0.conf:2", "/etc/0.conf:4", "/etc/1.conf:2"],
            configuration.Problems.Select(problem => problem.Origin.ToString()));
    }

    [Fact]
    public void How_people_are_told_is_set_by_its_keys()
    {
        NotificationSettings told = Read(
            "notify-journal = no\nnotify-hook = /opt/hook\nnotify-webhook-file = /etc/webhook\n"
                + "notify-mail-to = root, a@example.org\nnotify-mail-from = xen@example.org\nnotify-sendmail = /bin/mail\n"
                + "notify-delivery-seconds = 5\nnotify-title = {host} {{{title}}}\nnotify-text-file = /etc/text").Options!
            .Notifications;
        Assert.Equal((false, "/opt/hook", "/etc/webhook"), (told.Journal, told.Hook, told.WebhookFile));
        Assert.Equal(["root", "a@example.org"], told.MailTo);
        Assert.Equal(("xen@example.org", "/bin/mail"), (told.MailFrom, told.SendmailProgram));
        Assert.Equal((TimeSpan.FromSeconds(5), "/etc/text"), (told.DeliveryLimit, told.TextFile));
        Assert.Equal("{host} {{{title}}}", told.TitleTemplate);
    }

    [Fact]
    public void A_guest_begins_with_the_values_of_the_host_wherever_these_stand()
    {
        BridgeConfiguration configuration = Read(
            $"[guest web1]\nallow-destroy = true\n[guest {Uuid.ToUpperInvariant()}]\nmode = observe\n",
            "mode = recover\nexclusive-storage = yes\nact-without-host-evidence = true\n[guest web1]\noffline-check = yes");
        RecoveryPolicy policy = configuration.Options!.Policy;
        GuestPolicy web1 = policy.Of(new GuestIdentity(Guid.Empty, "web1"));
        Assert.True(web1 is
        {
            Mode: BridgeMode.Recover, AllowDestroy: true, OfflineCheck: true, ExclusiveStorage: ExclusiveStorage.Yes,
            ActWithoutHostEvidence: true,
        });
        GuestPolicy other = policy.Of(new GuestIdentity(Guid.Parse(Uuid), "web1"));
        Assert.True(other is { Mode: BridgeMode.Observe, AllowDestroy: false, ExclusiveStorage: ExclusiveStorage.Yes });
        Assert.Equal("/etc/1.conf:2", configuration.GuestOf("web1").OriginOf("guest", "exclusive-storage").ToString());
        Assert.Equal("/etc/0.conf:4", configuration.GuestOf(Uuid).OriginOf("guest", "mode").ToString());
        Assert.False(configuration.HasSectionOf("WEB1"));
    }

    [Fact]
    public void The_mode_of_the_command_line_is_that_of_the_host_and_a_guest_keeps_its_own()
    {
        RecoveryPolicy policy = Read("[guest db1]\nmode = observe\n", ("mode", "recover")).Options!.Policy;
        Assert.Equal(
            (BridgeMode.Observe, BridgeMode.Recover), (policy.Of(new GuestIdentity(Guid.Empty, "db1")).Mode, policy.Mode));
    }

    [Fact]
    public void A_value_taken_back_in_the_section_of_a_guest_is_that_of_the_host()
    {
        BridgeConfiguration configuration = Read(
            "mode = recover\n[guest web1]\nmode = observe\n", "[guest web1]\nmode =\n");
        Assert.Equal(BridgeMode.Recover, configuration.GuestOf("web1").Value.Mode);
        Assert.Equal("/etc/0.conf:1", configuration.GuestOf("web1").OriginOf("guest", "mode").ToString());
    }

    [Fact]
    public void The_windows_of_a_guest_hold_besides_those_of_the_host()
    {
        RecoveryPolicy policy = Read(
            "maintenance-windows = Sat 22:00 UTC for 4h, 2026-12-24 18:00 UTC for 12h\n"
                + "[guest web1]\nmaintenance-windows = sunday 03:30 UTC for 90min").Options!.Policy;
        Assert.Equal(
            [
                new MaintenanceWindow.Weekly(DayOfWeek.Saturday, new TimeOnly(22, 0), TimeSpan.FromHours(4)),
                new MaintenanceWindow.Once(
                    new DateTimeOffset(2026, 12, 24, 18, 0, 0, TimeSpan.Zero),
                    new DateTimeOffset(2026, 12, 25, 6, 0, 0, TimeSpan.Zero)),
            ],
            policy.MaintenanceWindows);
        Assert.Equal(
            [new MaintenanceWindow.Weekly(DayOfWeek.Sunday, new TimeOnly(3, 30), TimeSpan.FromMinutes(90))],
            policy.Guests["web1"].MaintenanceWindows);
        Assert.Empty(policy.AnyGuest.MaintenanceWindows);
    }

    [Theory]
    [InlineData("Sat 22:00 for 4h")]
    [InlineData("Sat 22:00 UTC")]
    [InlineData("Sat 22:00 UTC for 8d")]
    [InlineData("Sat 22:00 UTC for 10s")]
    [InlineData("Sat 24:00 UTC for 4h")]
    [InlineData("Sam 22:00 UTC for 4h")]
    [InlineData("2026-02-30 22:00 UTC for 4h")]
    [InlineData("9999-12-31 22:00 UTC for 4h")]
    public void A_window_that_cannot_be_understood_is_refused(string window)
        => Assert.Contains("write times like Sat 22:00 UTC for 4h", Problem($"maintenance-windows = {window}"));

    [Fact]
    public void A_command_alone_says_which_toolstack_it_is()
    {
        BridgeConfiguration configuration = Read("toolstack-command = /usr/local/sbin/force-check");
        Assert.Equal(ToolstackKind.Command, configuration.Options!.Toolstack);
        Assert.Equal("/etc/0.conf:1", configuration.Host.OriginOf("", "toolstack").ToString());
    }
}
