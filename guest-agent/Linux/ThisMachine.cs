namespace GuestAgent.Linux;

/// <summary>What kind of machine the agent runs on.</summary>
internal static class ThisMachine
{
    /// <summary>
    /// Whether this is an unprivileged Xen domain: <c>/sys/hypervisor/type</c> says <c>xen</c> and
    /// <c>/proc/xen/capabilities</c>, where it exists, does not say <c>control_d</c> (which Dom0's does), nor is
    /// <c>/sys/hypervisor/uuid</c>, where it exists, all zeros (which Dom0's is, also where no xenfs is mounted).
    /// Outside one every remedy is refused.
    /// </summary>
    public static bool IsDomU(PathRoot paths)
        => SmallFile.TryReadText(paths.Sys("hypervisor/type")) == "xen"
            && SmallFile.TryReadText(paths.Proc("xen/capabilities"))?.Contains("control_d", StringComparison.Ordinal)
                != true
            && SmallFile.TryReadText(paths.Sys("hypervisor/uuid"))?.All(one => one is '0' or '-') != true;

    /// <summary>
    /// Locks every page, now and in future: a page of program text that was dropped cannot be read back from a
    /// root that hangs (D state) or fails (SIGBUS). MCL_ONFAULT does not protect from that.
    /// </summary>
    /// <returns>Null, or the errno's name.</returns>
    public static string? LockMemory()
        => Libc.LockAllMemory(Libc.LockCurrent | Libc.LockFuture) == 0 ? null : LastErrno.Name;
}
