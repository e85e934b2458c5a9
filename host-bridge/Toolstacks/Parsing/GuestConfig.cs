namespace HostBridge.Toolstacks.Parsing;

/// <summary>A file that defines a guest, in xl's and xm's form.</summary>
/// <param name="Path">The file.</param>
/// <param name="Values">Its settings; a list has several values, anything else one.</param>
internal sealed record GuestConfig(string Path, IReadOnlyDictionary<string, IReadOnlyList<string>> Values)
{
    /// <summary>The guest's name; the file's without one.</summary>
    public string Name => First("name") ?? Path[(Path.LastIndexOf('/') + 1)..];

    /// <summary>A setting's only or first value; null when it is not set.</summary>
    public string? First(string key) => Values.TryGetValue(key, out var values) && values.Count > 0 ? values[0] : null;

    /// <summary>All values of a setting; none when it is not set.</summary>
    public IReadOnlyList<string> All(string key) => Values.TryGetValue(key, out var values) ? values : [];
}
