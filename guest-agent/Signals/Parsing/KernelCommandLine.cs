namespace GuestAgent.Signals.Parsing;

/// <summary>What <c>/proc/cmdline</c> says of how the root is mounted (kernel-parameters.rst).</summary>
internal static class KernelCommandLine
{
    /// <summary>
    /// Whether the root is to stay read-only where no fstab mounts it otherwise: <c>ro</c> without a later <c>rw</c>, or
    /// a volatile system (<c>systemd.volatile=</c>, kernel-command-line(7)).
    /// </summary>
    public static bool IsRootReadOnly(string commandLine)
    {
        string[] words = Words(commandLine);
        return words.LastOrDefault(word => word is "ro" or "rw") == "ro"
            || words.Any(word => word.StartsWith("systemd.volatile=", StringComparison.Ordinal)
                && word is not ("systemd.volatile=no" or "systemd.volatile=false" or "systemd.volatile=0"));
    }

    /// <summary>
    /// Whether an overlay is put over a read-only root: <c>overlayroot=</c> (cloud-initramfs-tools), <c>boot=overlay</c>
    /// (raspi-config), <c>rd.live.overlay.overlayfs</c> and <c>rd.overlay</c> (dracut.cmdline(7)).
    /// </summary>
    public static bool HasOverlayRoot(string commandLine)
        => Words(commandLine).Any(word
            => (word.StartsWith("overlayroot=", StringComparison.Ordinal)
                    && word is not ("overlayroot=" or "overlayroot=disabled"))
                || word == "boot=overlay"
                || word.StartsWith("rd.live.overlay", StringComparison.Ordinal)
                || word.StartsWith("rd.overlay", StringComparison.Ordinal));

    private static string[] Words(string commandLine)
        => commandLine.Split((char[])[' ', '\t', '\n'], StringSplitOptions.RemoveEmptyEntries);
}
