namespace Protocol.Configuration;

/// <summary>The folders and files in which a program's configuration lies.</summary>
/// <param name="Vendor">The folder of whoever made the package or the image: <c>/usr/lib/PROGRAM</c>.</param>
/// <param name="Administrator">The folder of the administrator: <c>/etc/PROGRAM</c>.</param>
/// <param name="FileName">The name of the main file: <c>PROGRAM.conf</c>.</param>
public sealed record ConfigurationPlaces(string Vendor, string Administrator, string FileName)
{
    /// <summary>The usual places of a program.</summary>
    public static ConfigurationPlaces Of(string program)
        => new($"/usr/lib/{program}", $"/etc/{program}", $"{program}.conf");

    /// <summary>The administrator's main file.</summary>
    public string MainFile => $"{Administrator}/{FileName}";

    /// <summary>The folder of the files that are read after a main file.</summary>
    public static string DropInsOf(string file) => $"{file}.d";
}

/// <summary>Which files are read, and in which order: what is read later wins, key by key.</summary>
public static class ConfigurationLayers
{
    /// <summary>What the name of each file ends in.</summary>
    public const string Suffix = ".conf";

    /// <summary>
    /// The files of a program in their order: those of the vendor's folder by their names, the administrator's main file,
    /// then the drop-ins of both by their names. A file of the administrator takes the place of the vendor's file of the
    /// same name, as systemd does it: the main file that of the vendor, a drop-in a drop-in. An empty one, or a link to
    /// /dev/null, so removes it.
    /// </summary>
    /// <param name="places">The folders.</param>
    /// <param name="namesIn">The names of the files in a folder, in any order; none when it is not there.</param>
    public static IReadOnlyList<string> Order(
        ConfigurationPlaces places, Func<string, IReadOnlyCollection<string>> namesIn)
    {
        bool hasMain = namesIn(places.Administrator).Contains(places.FileName);
        IEnumerable<string> vendor = Chosen(namesIn(places.Vendor))
            .Where(name => !hasMain || name != places.FileName)
            .Select(name => $"{places.Vendor}/{name}");
        IEnumerable<string> main = hasMain ? [places.MainFile] : [];
        return [.. vendor, .. main, .. DropIns(
            [ConfigurationPlaces.DropInsOf($"{places.Vendor}/{places.FileName}"), ConfigurationPlaces.DropInsOf(places.MainFile)],
            namesIn)];
    }

    /// <summary>One named file, and its drop-ins.</summary>
    public static IReadOnlyList<string> Order(string file, Func<string, IReadOnlyCollection<string>> namesIn)
        => [file, .. DropIns([ConfigurationPlaces.DropInsOf(file)], namesIn)];

    private static IEnumerable<string> DropIns(
        IReadOnlyList<string> folders, Func<string, IReadOnlyCollection<string>> namesIn)
    {
        var paths = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string folder in folders)
        {
            foreach (string name in Chosen(namesIn(folder)))
            {
                paths[name] = $"{folder}/{name}";
            }
        }

        return paths.Values;
    }

    /// <summary>Hidden files and what package managers and editors leave behind (<c>.rpmsave</c>, <c>~</c>) are none.</summary>
    private static IEnumerable<string> Chosen(IEnumerable<string> names)
        => names.Where(name => name.EndsWith(Suffix, StringComparison.Ordinal) && name[0] != '.')
            .Order(StringComparer.Ordinal);
}
