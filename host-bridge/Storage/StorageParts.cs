using HostBridge.Recovery;

namespace HostBridge.Storage;

/// <summary>Where the storage watch looks; tests put their own in the place of the host's.</summary>
internal sealed record StorageParts : IDisposable
{
    /// <summary>/sys and /proc.</summary>
    public required HostFiles Files { get; init; }

    /// <summary>The kernel's log; null where it cannot be read.</summary>
    public KernelLog? KernelLog { get; init; }

    /// <summary>The kernel's uevents; null where there are none.</summary>
    public UeventSocket? Uevents { get; init; }

    /// <summary>The program that reads devices, started with <see cref="DirectReader.Verb"/>.</summary>
    public required string ReaderProgram { get; init; }

    /// <summary>multipathd; null where it is not installed.</summary>
    public string? MultipathdProgram { get; init; }

    /// <summary>journalctl; null where no journal is kept.</summary>
    public string? JournalProgram { get; init; }

    /// <summary>The disks that the administrator answers for where the bridge cannot look.</summary>
    public IReadOnlySet<DeviceNumber> VouchedFor { get; init; } = new HashSet<DeviceNumber>();

    public void Dispose()
    {
        KernelLog?.Dispose();
        Uevents?.Dispose();
    }
}
