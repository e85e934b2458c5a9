namespace GuestAgent.Linux;

/// <summary>
/// What a security module of the kernel (SELinux, AppArmor) makes of this process: the cause of an EACCES that root meets.
/// </summary>
internal static class SecurityContext
{
    private const string Unconfined = "unconfined"; // AppArmor, apparmor(7)

    // Types that the policies of Fedora and RHEL, and of Debian (initrc_t), confine in next to nothing.
    private static readonly string[] FreeTypes = ["unconfined_service_t", "unconfined_t", "initrc_t"];

    /// <summary>
    /// The context of this process (<c>/proc/self/attr/current</c>, proc(5)): <c>user:role:type:level</c> of SELinux, or a
    /// profile with its mode of AppArmor; null where no module gives one.
    /// </summary>
    public static string? Current(PathRoot paths)
        => SmallFile.TryReadText(paths.Proc("self/attr/current"))?.TrimEnd('\0', '\n') is { Length: > 0 } context
            ? context
            : null;

    /// <summary>Why a call ended with EACCES, and what to do: for a process of this context.</summary>
    /// <param name="context">The context; null where there is none.</param>
    public static string Explain(string? context)
        => (context, context is null ? null : TypeOf(context)) switch
        {
            (null or Unconfined, _) =>
                "no security module confines this process; run as root, with the capabilities of the unit",
            (_, null) => $"denied by AppArmor (profile {context}); let the profile allow it, or unload the profile",
            (_, { } type) when FreeTypes.Contains(type) =>
                $"denied by SELinux (context {context}); ausearch -m avc -c guest-agent names the rule that is missing",
            _ => $"denied by SELinux (context {context}); the program must run as unconfined_service_t (Debian: initrc_t): "
                + "restorecon -R /usr/libexec/guest-agent, take NoNewPrivileges= out of drop-ins, restart guest-agent",
        };

    /// <summary>The type in a context of SELinux; null when it is none.</summary>
    private static string? TypeOf(string context)
        => context.Split(':') is { Length: > 2 } fields && !context.Contains(' ', StringComparison.Ordinal)
            ? fields[2]
            : null;
}
