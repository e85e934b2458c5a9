namespace GuestAgent.Signals.Parsing;

/// <summary>
/// Whether a thread waits for a frozen filesystem to be thawed, by what <c>/proc/PID/task/TID/{stack,wchan}</c> say.
/// A writer waits in <c>percpu_rwsem_wait</c> (5.7 and later), <c>__percpu_down_read</c> (4.4 to 5.6) or
/// <c>__sb_start_write</c> (3.6 to 5.9; fs/super.c). Measured on 6.18 with ext4, xfs and btrfs:
/// <c>percpu_rwsem_wait, vfs_write, pwrite64</c>.
/// </summary>
internal static class FreezeWaitParser
{
    private static readonly string[] Waits = ["percpu_rwsem_wait", "__percpu_down_read", "__sb_start_write"];

    /// <summary>The same kind of lock, for something else: CPU hotplug, a change of a file's journal mode.</summary>
    private static readonly string[] OtherLocks = ["cpus_read_lock", "ext4_writepages", "copy_process"];

    /// <summary>The function that waits for the thaw; null when the thread waits for anything else.</summary>
    /// <param name="stack">
    /// <c>[&lt;0&gt;] function+0x15f/0x1d0</c>, one frame a line, the innermost first; null without privilege.
    /// </param>
    /// <param name="waitChannel">One function's name, <c>0</c> when it runs; null without privilege.</param>
    public static string? Parse(string? stack, string? waitChannel)
    {
        if (string.IsNullOrEmpty(stack))
        {
            return Array.Find(Waits, wait => wait == waitChannel);
        }

        string[] frames = [.. stack.Split('\n').Select(Function)];
        return frames.Intersect(OtherLocks).Any() ? null : frames.FirstOrDefault(Waits.Contains);
    }

    private static string Function(string frame)
    {
        string name = frame[(frame.LastIndexOf(' ') + 1)..];
        int offset = name.IndexOf('+', StringComparison.Ordinal);
        return offset < 0 ? name : name[..offset];
    }
}
