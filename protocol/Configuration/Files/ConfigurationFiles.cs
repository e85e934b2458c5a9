namespace Protocol.Configuration.Files;

/// <summary>Reads the files of a configuration; the only place that does.</summary>
public static class ConfigurationFiles
{
    /// <summary>Of a folder with more files than this nothing is read: it is not one of configuration.</summary>
    private const int MaxFilesPerFolder = 256;

    /// <summary>Reads every file that counts, in the order in which they win. Never throws for what is wrong with a file.</summary>
    /// <param name="places">Where a program's configuration lies.</param>
    /// <param name="named">The one file that was named instead; null for none.</param>
    public static IReadOnlyList<IniDocument> Read(ConfigurationPlaces places, string? named)
    {
        var problems = new List<IniDocument>();
        IReadOnlyList<string> paths = named is null
            ? ConfigurationLayers.Order(places, folder => NamesIn(folder, problems))
            : ConfigurationLayers.Order(named, folder => NamesIn(folder, problems));
        return [.. problems, .. paths.Select(ReadOne)];
    }

    private static IniDocument ReadOne(string path)
    {
        try
        {
            // What is longer than allowed is not read to its end: it may be a device.
            byte[] content = new byte[IniDocument.MaxFileBytes + 1];
            using FileStream stream = File.OpenRead(path);
            int size = stream.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            return IniParser.Parse(path, content.AsSpan(0, size));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return IniDocument.Unreadable(path, $"it cannot be read: {failure.Message.ReplaceLineEndings(" ")} Name a file that can be read");
        }
    }

    private static IReadOnlyCollection<string> NamesIn(string folder, List<IniDocument> problems)
    {
        try
        {
            List<string> names = [.. Directory.EnumerateFiles(folder, $"*{ConfigurationLayers.Suffix}")
                .Select(path => Path.GetFileName(path)).Take(MaxFilesPerFolder + 1)];
            if (names.Count <= MaxFilesPerFolder)
            {
                return names;
            }

            problems.Add(IniDocument.Unreadable(folder, $"it holds more than {MaxFilesPerFolder} files; remove some"));
        }
        catch (DirectoryNotFoundException)
        {
            // Nothing is configured there.
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            problems.Add(IniDocument.Unreadable(
                folder, $"it cannot be listed: {failure.Message.ReplaceLineEndings(" ")}"));
        }

        return [];
    }
}
