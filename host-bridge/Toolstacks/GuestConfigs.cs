using HostBridge.Doctor.Reading;
using HostBridge.Toolstacks.Parsing;

namespace HostBridge.Toolstacks;

/// <summary>The files of a host that define guests in xl's form.</summary>
/// <param name="tree">The host's files.</param>
/// <param name="folders">The folders in which they lie.</param>
internal sealed class GuestConfigs(HostTree tree, IReadOnlyList<string> folders)
{
    private const string PackagedExamples = "/etc/xen/xlexample";

    /// <summary>Every file that defines a guest, in the order of the folders.</summary>
    public IEnumerable<GuestConfig> All()
        => folders.SelectMany(folder => tree.FilesBelow(folder, depth: 0))
            .Where(path => !path.StartsWith(PackagedExamples, StringComparison.Ordinal))
            .Select(path => tree.TryReadText(path) is { } text ? GuestConfigFile.Parse(text, path) : null)
            .OfType<GuestConfig>();

    /// <summary>The one file that defines a guest; else why there is none, for a person.</summary>
    /// <param name="name">The guest's name.</param>
    /// <param name="problem">Why there is none; null when there is one.</param>
    public GuestConfig? Find(string name, out string? problem)
    {
        List<GuestConfig> found = [.. All().Where(config => config.Name == name)];
        // A link in auto/ is the same file; a copy with the same settings is as good.
        bool areSame = found.TrueForAll(config => IsSame(config, found[0]));
        problem = found.Count == 0
            ? $"no file in {string.Join(", ", folders)} defines {name}; name its folder in guest-config-folders"
            : areSame ? null
            : $"{name} is defined differently in {string.Join(" and ", found.Select(config => config.Path))}";
        return problem is null ? found[0] : null;
    }

    private static bool IsSame(GuestConfig one, GuestConfig other)
        => one.Values.Count == other.Values.Count
            && one.Values.All(pair => other.All(pair.Key).SequenceEqual(pair.Value));
}
