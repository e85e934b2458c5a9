using Protocol.Kernel;

namespace HostBridge.Recovery;

/// <summary>
/// What the console of a guest shows. Any program in the guest can print there, so it is a hint for people and never a
/// reason to act.
/// </summary>
internal abstract record ConsoleSign
{
    private ConsoleSign()
    {
    }

    /// <summary>What counts of two signs in a row: the worse one, as long as no boot lies between them.</summary>
    public static ConsoleSign Worse(ConsoleSign? before, ConsoleSign next)
        => before is Fault worst && next is Fault fault && fault.Rank <= worst.Rank ? worst : next;

    /// <summary>A kernel began to boot: what was printed before speaks of an earlier one.</summary>
    internal sealed record Booted : ConsoleSign;

    /// <summary>The kernel printed something that is bad for a filesystem.</summary>
    /// <param name="Kind">What it says.</param>
    /// <param name="Text">The line, printable.</param>
    internal sealed record Fault(KernelLineKind Kind, string Text) : ConsoleSign
    {
        /// <summary>How much it says: 0 for a hang or a time-out, which may end by itself.</summary>
        public int Rank => Kind switch
        {
            KernelLineKind.JournalAborted => 7,
            KernelLineKind.ShutDown => 6,
            KernelLineKind.RemountedReadOnly => 5,
            KernelLineKind.FlushDisabled => 4,
            KernelLineKind.WriteLost => 3,
            KernelLineKind.FilesystemError => 2,
            KernelLineKind.DeviceError or KernelLineKind.DeviceOffline => 1,
            _ => 0,
        };
    }
}
