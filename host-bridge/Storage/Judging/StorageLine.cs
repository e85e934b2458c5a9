namespace HostBridge.Storage.Judging;

/// <summary>What a line of a log means to the storage.</summary>
internal enum StorageLineKind
{
    /// <summary>Something changed, perhaps for the better: sysfs is worth a look.</summary>
    Change = 0,

    /// <summary>A fault of the named parts.</summary>
    Fault,

    /// <summary>
    /// The named parts began anew (a unit attention). It interrupts them as a fault does, and is mostly the sign that a
    /// failure before it is over.
    /// </summary>
    Reset,

    /// <summary>The named parts were attached: what was said of these names before, was said of others.</summary>
    Attached,
}

/// <summary>A line of a log that speaks of storage.</summary>
/// <param name="Kind">What it means.</param>
/// <param name="Parts">The parts it names, as <see cref="PartName"/> spells them.</param>
/// <param name="Text">The line, printable.</param>
internal sealed record StorageLine(StorageLineKind Kind, IReadOnlyList<string> Parts, string Text)
{
    /// <summary>Whether the named parts were interrupted: what was stable before begins anew.</summary>
    public bool Interrupts => Kind is StorageLineKind.Fault or StorageLineKind.Reset;
}
