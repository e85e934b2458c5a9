using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using HostBridge.Guests;

namespace HostBridge.Diagnosis;

/// <summary>Writes what was gathered as one tar.gz, which its owner alone can read.</summary>
internal static class Archive
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Writes a new file; an existing one is not overwritten (<see cref="IOException"/>).</summary>
    public static async Task WriteAsync(string path, string folder, IReadOnlyList<GatheredItem> items, DateTimeOffset now)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        var file = new FileStream(path, options);
        await using (file.ConfigureAwait(false))
        {
            var compressed = new GZipStream(file, CompressionLevel.Optimal);
            await using (compressed.ConfigureAwait(false))
            {
                var tar = new TarWriter(compressed, TarEntryFormat.Pax);
                await using (tar.ConfigureAwait(false))
                {
                    await AddAsync(tar, $"{folder}/INDEX", Encoding.UTF8.GetBytes(IndexOf(items)), now).ConfigureAwait(false);
                    foreach (GatheredItem item in items.Where(one => one.Content.Content.Length > 0))
                    {
                        await AddAsync(tar, $"{folder}/{item.Item.Name}", item.Content.Content, now).ConfigureAwait(false);
                    }
                }
            }
        }
    }

    /// <summary>A line for every item: what is there, how much of it, and why something is missing.</summary>
    public static string IndexOf(IReadOnlyList<GatheredItem> items)
    {
        var text = new StringBuilder("Names and passwords were removed. What could not be read says why.\n\n");
        foreach ((DiagnosisItem item, ItemContent content) in items)
        {
            string state = content.Problem is null ? "whole" : content.Content.Length > 0 ? "in part" : "missing";
            text.Append(CultureInfo.InvariantCulture, $"{state,-8} {content.Content.Length,9} bytes  {item.Name}  ({item.Source})");
            text.Append(content.Problem is { } problem ? $": {Printable.Escape(problem)}\n" : "\n");
        }

        return text.ToString();
    }

    private static async Task AddAsync(TarWriter tar, string name, byte[] content, DateTimeOffset now)
        => await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name)
        {
            DataStream = new MemoryStream(content),
            Mode = OwnerOnly,
            ModificationTime = now,
        }).ConfigureAwait(false);
}
