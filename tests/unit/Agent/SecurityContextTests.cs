using GuestAgent.Linux;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>What is said of an EACCES that root meets.</summary>
public sealed class SecurityContextTests : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory();

    [Theory]
    [InlineData("system_u:system_r:init_t:s0")]
    [InlineData("system_u:system_r:systemd_generic_t:s0-s0:c0.c1023")]
    [InlineData("user_u:role_r:type_t")]
    public void A_domain_that_may_not_probe_is_named_with_what_puts_the_program_into_the_right_one(string context)
    {
        string text = SecurityContext.Explain(context);
        Assert.Contains($"denied by SELinux (context {context})", text, StringComparison.Ordinal);
        Assert.Contains("unconfined_service_t", text, StringComparison.Ordinal);
        Assert.Contains("restorecon -R /usr/libexec/guest-agent", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("system_u:system_r:unconfined_service_t:s0")]
    [InlineData("system_u:system_r:initrc_t:s0")]
    [InlineData("unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023")]
    public void In_the_right_domain_the_audit_log_is_named_and_no_relabelling(string context)
    {
        string text = SecurityContext.Explain(context);
        Assert.Contains("ausearch -m avc -c guest-agent", text, StringComparison.Ordinal);
        Assert.DoesNotContain("restorecon", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("guest-agent (enforce)")]
    [InlineData("/usr/sbin/guest-agent (enforce)")]
    [InlineData("lxc-container-default-cgns (enforce)")]
    [InlineData("a:b:c (enforce)")]
    public void A_profile_of_AppArmor_is_named(string context)
        => Assert.Contains($"AppArmor (profile {context})", SecurityContext.Explain(context), StringComparison.Ordinal);

    [Theory]
    [InlineData(null)]
    [InlineData("unconfined")]
    public void Without_a_security_module_none_is_blamed(string? context)
        => Assert.Contains("no security module", SecurityContext.Explain(context), StringComparison.Ordinal);

    [Theory]
    [InlineData("system_u:system_r:init_t:s0\0", "system_u:system_r:init_t:s0")]
    [InlineData("unconfined\n", "unconfined")]
    [InlineData("", null)]
    public void The_context_is_read_without_what_ends_it(string content, string? context)
    {
        File.WriteAllText(Path.Combine(_root.CreateSubdirectory("proc/self/attr").FullName, "current"), content);
        Assert.Equal(context, SecurityContext.Current(new PathRoot(_root.FullName)));
    }

    [Fact]
    public void A_kernel_without_security_modules_gives_no_context()
        => Assert.Null(SecurityContext.Current(new PathRoot(_root.FullName)));

    [Theory]
    [InlineData("ffffffff ffffffff 0 ffffffff 11 0", 24, true)]
    [InlineData("7fffff ffffffff 0 ffffffff 11 0", 24, false)]
    [InlineData("800000 ffffffff 0 ffffffff 11 1", 24, true)]
    [InlineData("0 ffffffff 0 ffffffff 11 0", 32, false)]
    [InlineData("garbage", 24, true)]
    [InlineData("", 24, true)]
    [InlineData("0", 0, true)]
    [InlineData("0", 33, true)]
    public void An_answer_of_the_policy_is_a_bit_and_garbage_forbids_nothing(string answer, int bit, bool allows)
        => Assert.Equal(allows, SelinuxPolicy.Allows(answer, bit));

    [Fact]
    public void Without_SELinux_every_filesystem_may_be_marked()
        => Assert.True(SelinuxPolicy.MayWatchFilesystem(new PathRoot(_root.FullName), "/"u8.ToArray()));

    public void Dispose() => _root.Delete(recursive: true);
}
