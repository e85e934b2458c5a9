using Mono.Unix.Native;

namespace HostBridge.Toolstacks.Steps;

/// <summary>
/// The log that xl begins anew for each domain that it creates, <c>xl-NAME.log</c>; the one before it is renamed
/// (tools/xl/xl_utils.c, do_daemonize; libxl_create_logfile). So whoever created a guest, also one that is gone again by
/// now, left another file here. Not where xl runs in the foreground, nor under another toolstack.
/// </summary>
internal static class CreationLog
{
    /// <summary>Where xl keeps its logs.</summary>
    public const string DefaultFolder = "/var/log/xen";

    /// <summary>What tells the log from the one before it; null when there is none.</summary>
    /// <param name="folder">Where xl keeps its logs.</param>
    /// <param name="name">The guest's name.</param>
    public static string? IdentityOf(string folder, string name)
        => Syscall.stat($"{folder}/xl-{name}.log", out Stat status) == 0 ? $"{status.st_dev}:{status.st_ino}" : null;
}
