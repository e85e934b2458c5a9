using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Probing;
using GuestAgent.Signals.Parsing;

namespace GuestAgent.Signals;

/// <summary>
/// Where an outstanding probe waits: <c>/proc/PID/task/TID/{stack,wchan}</c> of its thread, which bears the device
/// number in its name. Proves that a filesystem is frozen, for which the kernel has no other sign. It lies by silence
/// where the kernel shows neither (no symbols, no privilege), and during a freeze that cannot finish because the
/// device hangs: writes in flight tell that.
/// </summary>
internal static class ProbeWait
{
    /// <summary>The kernel function that waits for a thaw; null when the probe waits for anything else.</summary>
    public static string? Read(ProbeWorkers workers, ProcessIdentity worker, DeviceNumber device)
        => workers.ThreadOf(worker, device) is { } thread
            ? FreezeWaitParser.Parse(SmallFile.TryReadText($"{thread}/stack"), SmallFile.TryReadText($"{thread}/wchan"))
            : null;
}
