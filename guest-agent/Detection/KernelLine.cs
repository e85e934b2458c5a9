using Protocol.Kernel;

namespace GuestAgent.Detection;

/// <summary>One line of the kernel log, understood.</summary>
/// <param name="Kind">What it says.</param>
/// <param name="DeviceName">The device it speaks of; null where the line names none.</param>
/// <param name="At">When the kernel wrote it, in time since boot.</param>
internal sealed record KernelLine(KernelLineKind Kind, string? DeviceName, TimeSpan At)
{
    /// <summary>The sector that a failed request began at; null where the line names none.</summary>
    public long? Sector { get; init; }
}
