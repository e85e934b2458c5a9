using System.Runtime.InteropServices;

namespace Protocol.Configuration.Files;

/// <summary>Reads the files of a configuration; the only place that does.</summary>
public static class ConfigurationFiles
{
    /// <summary>Of a folder with more files than this nothing is read: it is not one of configuration.</summary>
    private const int MaxFilesPerFolder = 256;

    /// <summary>
    /// Reads every file that counts, in the order in which they win. Never throws for what is wrong with a file. With any
    /// <see cref="IniDocument.Fault"/> the rest is not the whole configuration and must not be used.
    /// </summary>
    /// <param name="places">Where a program's configuration lies.</param>
    /// <param name="named">The one file that was named instead; null for none.</param>
    public static IReadOnlyList<IniDocument> Read(ConfigurationPlaces places, string? named)
    {
        var problems = new List<IniDocument>();
        IReadOnlyList<string> paths = named is null
            ? ConfigurationLayers.Order(places, folder => NamesIn(folder, problems))
            : ConfigurationLayers.Order(named, folder => NamesIn(folder, problems));
        return [.. problems, .. paths.Select(path => ReadOne(path, isNamed: path == named))];
    }

    private static IniDocument ReadOne(string path, bool isNamed)
    {
        // What is longer than allowed is not read to its end: it may be a device.
        byte[] content = new byte[IniDocument.MaxFileBytes + 1];
        int errno = RawFile.Read(path, content, out int size);
        if (errno == 0)
        {
            return IniParser.Parse(path, content.AsSpan(0, size));
        }

        string failure = $"it cannot be read: {TextOf(errno)}";
        return FileErrors.KindOf(errno, isNamed) == FileErrorKind.Mistake
            ? IniDocument.Unreadable(path, $"{failure}; name a file that can be read")
            : IniDocument.Faulty(path, errno, failure);
    }

    private static List<string> NamesIn(string folder, List<IniDocument> problems)
    {
        int errno;
        string failure;
        try
        {
            List<string> names = [.. Directory.EnumerateFiles(folder, $"*{ConfigurationLayers.Suffix}")
                .Select(path => Path.GetFileName(path)).Take(MaxFilesPerFolder + 1)];
            if (names.Count <= MaxFilesPerFolder)
            {
                return names;
            }

            problems.Add(IniDocument.Unreadable(folder, $"it holds more than {MaxFilesPerFolder} files; remove some"));
            return [];
        }
        catch (DirectoryNotFoundException)
        {
            // Nothing is configured there.
            return [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            errno = ErrnoOf(error);
            failure = $"it cannot be listed: {TextOf(errno)}";
        }

        problems.Add(FileErrors.KindOf(errno, isNamed: false) == FileErrorKind.Mistake
            ? IniDocument.Unreadable(folder, failure)
            : IniDocument.Faulty(folder, errno, failure));
        return [];
    }

    /// <summary>The library keeps the errno in HResult; of a refused access in that of the inner exception.</summary>
    private static int ErrnoOf(Exception error)
        => error is UnauthorizedAccessException { InnerException: { } inner } ? inner.HResult : error.HResult;

    private static string TextOf(int errno)
        => FileErrors.AdviceFor(errno) is { } advice
            ? $"{Marshal.GetPInvokeErrorMessage(errno)} (errno {errno}; {advice})"
            : $"{Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})";
}
