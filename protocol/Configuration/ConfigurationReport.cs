using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Protocol.Configuration;

/// <summary>One value in force.</summary>
/// <param name="Section">The kind of section of its key; empty before the first section.</param>
/// <param name="Key">The key.</param>
/// <param name="Value">The value as a person would write it.</param>
/// <param name="Default">What it would be if nothing said another.</param>
/// <param name="Origin">Where it comes from.</param>
public sealed record SettingInForce(string Section, string Key, string Value, string Default, SettingOrigin Origin);

/// <summary>What a configuration comes to, for people and for programs.</summary>
public static class ConfigurationReport
{
    /// <summary>The version of <see cref="ToJson"/>; another number means that something in it has another meaning.</summary>
    public const int Schema = 1;

    /// <summary>The longest value that pushes the third column to the right.</summary>
    private const int WidestColumn = 40;

    /// <summary>A line that says that nothing is wrong, and what was read.</summary>
    public static string ToGoodText(IReadOnlyList<string> files)
        => $"the configuration is good: {(files.Count == 0 ? "no file, so all are defaults" : string.Join(", ", files))}\n";

    /// <summary>A line for each value: key, value, and where it comes from.</summary>
    public static string ToText(IReadOnlyList<SettingInForce> settings)
    {
        int keys = settings.Max(one => one.Key.Length);
        int values = Math.Min(WidestColumn, settings.Max(one => one.Value.Length));
        var text = new StringBuilder();
        foreach (SettingInForce one in settings)
        {
            string value = one.Value.PadRight(values);
            text.Append(CultureInfo.InvariantCulture, $"{one.Key.PadRight(keys)} = {value}  {one.Origin}\n");
        }

        return text.ToString();
    }

    /// <summary>One object of JSON; its names are a promise to programs.</summary>
    /// <param name="files">The files that were read, in the order in which they win.</param>
    /// <param name="guest">The guest that it is of; null for the program itself.</param>
    /// <param name="settings">The values.</param>
    public static string ToJson(IReadOnlyList<string> files, string? guest, IReadOnlyList<SettingInForce> settings)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteNumber("schema", Schema);
            json.WriteString("guest", guest);
            json.WriteStartArray("files");
            foreach (string file in files)
            {
                json.WriteStringValue(file);
            }

            json.WriteEndArray();
            json.WriteStartArray("settings");
            foreach (SettingInForce one in settings)
            {
                Write(json, one);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter json, SettingInForce one)
    {
        json.WriteStartObject();
        json.WriteString("section", one.Section.Length == 0 ? null : one.Section);
        json.WriteString("key", one.Key);
        json.WriteString("value", one.Value);
        json.WriteString("default", one.Default);
        json.WriteString("source", one.Origin.Source switch
        {
            SettingSource.File => "file",
            SettingSource.CommandLine => "command-line",
            _ => "default",
        });
        json.WriteString("place", one.Origin.Source == SettingSource.Default ? null : one.Origin.Place);
        if (one.Origin.Line > 0)
        {
            json.WriteNumber("line", one.Origin.Line);
        }

        json.WriteEndObject();
    }
}
