using System.Globalization;
using System.Numerics;
using System.Text;
using HostBridge.Recovery;

namespace HostBridge.Incidents;

/// <summary>How values stand in the state database.</summary>
internal static class StateFormat
{
    private const char UnmappableMark = '?';
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    /// <summary>A moment as text, in UTC, to the millisecond.</summary>
    public static string ToText(DateTimeOffset time)
        => time.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture);

    /// <summary>A uuid as text.</summary>
    public static string ToText(Guid uuid) => uuid.ToString("D");

    /// <summary>
    /// Disks as text: <c>8:16 253:3</c>; one without a number of this host by its name, <c>?qdisk%20xvdb</c>.
    /// </summary>
    public static string ToText(GuestDisks disks) => string.Join(
        ' ',
        disks.Devices.Select(device => device.ToString())
            .Concat(disks.Unmappable.Select(name => UnmappableMark + Uri.EscapeDataString(name))));

    /// <summary>Reads disks; false when the text means none.</summary>
    public static bool TryParseDisks(string text, out GuestDisks disks)
    {
        var devices = new List<DeviceNumber>();
        var unmappable = new List<string>();
        bool isValid = true;
        foreach (string word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (word[0] == UnmappableMark)
            {
                unmappable.Add(Uri.UnescapeDataString(word[1..]));
                continue;
            }

            isValid &= DeviceNumber.TryParse(word, out DeviceNumber device);
            devices.Add(device);
        }

        disks = isValid ? new GuestDisks(devices, unmappable) : GuestDisks.None;
        return isValid;
    }

    /// <summary>Reads a moment; false when it is none.</summary>
    public static bool TryParseTime(string text, out DateTimeOffset time)
        => DateTimeOffset.TryParseExact(
            text, TimeFormat, CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out time);

    /// <summary>
    /// CRC-32C (Castagnoli) over values in their order. Null, empty and what runs over into the next value are told
    /// apart.
    /// </summary>
    public static long Checksum(params ReadOnlySpan<string?> values)
    {
        uint sum = uint.MaxValue;
        foreach (string? value in values)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(value ?? string.Empty);
            sum = BitOperations.Crc32C(sum, value is null ? uint.MaxValue : (uint)bytes.Length);
            foreach (byte one in bytes)
            {
                sum = BitOperations.Crc32C(sum, one);
            }
        }

        return ~sum;
    }
}
