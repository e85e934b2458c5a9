using GuestAgent.Detection;
using GuestAgent.Linux;

namespace GuestAgent.Signals;

/// <summary>
/// <c>/sys/bus/xen/devices/vbd-N/state</c>: the frontend's xenbus state. Proves that the host takes a disk away or
/// lost its backend. It lies when it says Connected: it does so through every outage of the storage behind.
/// </summary>
internal static class VirtualBlockDevice
{
    private const string Prefix = "vbd-";
    private const string Connected = "Connected"; // xenbus_strstate(); 4 in xen/include/public/io/xenbus.h
    private const int MaxLength = 16;

    /// <summary>The first state that is not Connected; null where all are, or none is known.</summary>
    public static string? TroubledState(PathRoot paths, IReadOnlyList<DeviceAlias> aliases)
    {
        foreach (DeviceAlias alias in aliases)
        {
            if (alias.Name.StartsWith(Prefix, StringComparison.Ordinal)
                && SmallFile.TryReadText(paths.Sys($"bus/xen/devices/{alias.Name}/state")) is { Length: > 0 } state
                && state is not (Connected or "4"))
            {
                return state[..Math.Min(state.Length, MaxLength)];
            }
        }

        return null;
    }
}
