namespace HostBridge.Diagnosis;

/// <summary>What was read for an item.</summary>
/// <param name="Content">The bytes; perhaps not all.</param>
/// <param name="Problem">Why it is not whole, or why there is nothing; null when it is whole.</param>
internal readonly record struct ItemContent(byte[] Content, string? Problem);

/// <summary>One thing to gather.</summary>
/// <param name="Name">Its path in the archive.</param>
/// <param name="Source">Where it comes from, for a person: a command or a file.</param>
/// <param name="ReadAsync">Reads it within a limit; may hang, and is left behind then.</param>
internal sealed record DiagnosisItem(string Name, string Source, Func<TimeSpan, Task<ItemContent>> ReadAsync);

/// <summary>An item as it goes into the archive.</summary>
/// <param name="Item">What was to be gathered.</param>
/// <param name="Content">What was read, without secrets.</param>
internal sealed record GatheredItem(DiagnosisItem Item, ItemContent Content);
