using System.Text.Json;

namespace HostBridge.Toolstacks.Parsing;

/// <summary>A disk of a guest, as libxl understands it (libxl_device_disk).</summary>
/// <param name="Path">The device or file; empty for an empty drive. A relative one lies in /dev.</param>
/// <param name="VirtualDevice">The guest's name for it, like <c>xvda</c>.</param>
/// <param name="IsWritable">Whether the guest may write to it.</param>
/// <param name="BackendDomain">The domain that serves it, by name or number; empty for this one.</param>
internal sealed record XlDisk(string Path, string VirtualDevice, bool IsWritable, string BackendDomain);

/// <summary>
/// A guest's definition as libxl understands it (libxl_domain_config): <c>xl list -l</c> prints the one of a domain that
/// runs, <c>xl create -n FILE</c> the one that a file makes. So a file is understood by xl alone, and both are compared
/// in xl's own words.
/// </summary>
internal sealed record XlDomainConfig
{
    // libxl leaves out what is by default: an action that is not printed is destroy.
    private const string DefaultAction = "destroy";

    /// <summary>pv, pvh or hvm.</summary>
    public required string Type { get; init; }

    /// <summary>The name.</summary>
    public required string Name { get; init; }

    /// <summary>The uuid; a file that has none makes another each time.</summary>
    public required Guid Uuid { get; init; }

    /// <summary>The kernel file in Dom0; null when the guest brings its own.</summary>
    public string? Kernel { get; init; }

    /// <summary>The program of Dom0 that finds the kernel on the guest's disk; null for none.</summary>
    public string? Bootloader { get; init; }

    /// <summary>The kernel's arguments, put together from <c>cmdline</c>, or from <c>root</c> and <c>extra</c>.</summary>
    public string Arguments { get; init; } = string.Empty;

    /// <summary>Its disks.</summary>
    public IReadOnlyList<XlDisk> Disks { get; init; } = [];

    /// <summary>What xl does when it powers off: destroy, restart, rename_restart, preserve, …</summary>
    public required string OnPowerOff { get; init; }

    /// <summary>What xl does when it reboots.</summary>
    public required string OnReboot { get; init; }

    /// <summary>What xl does when it crashes.</summary>
    public required string OnCrash { get; init; }

    /// <summary>Reads what <c>xl create -n</c> prints; null when it is anything else.</summary>
    public static XlDomainConfig? ParseDryRun(ReadOnlySpan<byte> json)
        => Read(json, root => root.ValueKind == JsonValueKind.Object ? ReadConfig(root) : null);

    /// <summary>Reads what <c>xl list -l DOMID</c> prints; null when it is anything but this one domain.</summary>
    public static XlDomainConfig? ParseRunning(ReadOnlySpan<byte> json, int domain)
        => Read(json, root =>
        {
            JsonElement entry = root.ValueKind == JsonValueKind.Array && root.GetArrayLength() == 1 ? root[0] : root;
            return entry.ValueKind == JsonValueKind.Object
                && Number(entry, "domid") == domain && entry.TryGetProperty("config", out JsonElement config)
                    ? ReadConfig(config)
                    : null;
        });

    private static XlDomainConfig? Read(ReadOnlySpan<byte> json, Func<JsonElement, XlDomainConfig?> read)
    {
        var reader = new Utf8JsonReader(json);
        try
        {
            if (!JsonDocument.TryParseValue(ref reader, out JsonDocument? document))
            {
                return null;
            }

            using (document)
            {
                // More than one value, or words around it, is nothing that xl prints.
                return json[(int)reader.BytesConsumed..].Trim(" \t\r\n"u8).IsEmpty ? read(document.RootElement) : null;
            }
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static XlDomainConfig? ReadConfig(JsonElement config)
    {
        if (config.ValueKind != JsonValueKind.Object
            || !config.TryGetProperty("c_info", out JsonElement created)
            || !config.TryGetProperty("b_info", out JsonElement built)
            || Text(created, "name") is not { Length: > 0 } name
            || Text(created, "type") is not ("pv" or "pvh" or "hvm")
            || !Guid.TryParseExact(Text(created, "uuid"), "D", out Guid uuid)
            || ReadDisks(config) is not { } disks)
        {
            return null;
        }

        // Before 4.10 what only a PV guest has stood in a part of its own.
        JsonElement own = built.TryGetProperty("type.pv", out JsonElement part) ? part : built;
        return new XlDomainConfig
        {
            Type = Text(created, "type")!,
            Name = name,
            Uuid = uuid,
            Kernel = Text(built, "kernel") ?? Text(own, "kernel"),
            Bootloader = Text(built, "bootloader") ?? Text(own, "bootloader"),
            Arguments = Text(built, "cmdline") ?? Text(own, "cmdline") ?? string.Empty,
            Disks = disks,
            OnPowerOff = Text(config, "on_poweroff") ?? DefaultAction,
            OnReboot = Text(config, "on_reboot") ?? DefaultAction,
            OnCrash = Text(config, "on_crash") ?? DefaultAction,
        };
    }

    private static List<XlDisk>? ReadDisks(JsonElement config)
    {
        if (!config.TryGetProperty("disks", out JsonElement list))
        {
            return [];
        }

        var disks = new List<XlDisk>();
        foreach (JsonElement disk in list.EnumerateArray())
        {
            if (Text(disk, "vdev") is not { Length: > 0 } virtualDevice)
            {
                return null;
            }

            string path = Text(disk, "pdev_path") ?? string.Empty;
            disks.Add(new XlDisk(
                path.Length == 0 || path.StartsWith('/') ? path : $"/dev/{path}",
                virtualDevice,
                Number(disk, "readwrite") is > 0,
                Text(disk, "backend_domname") ?? Text(disk, "backend_domid") ?? string.Empty));
        }

        return disks;
    }

    private static string? Text(JsonElement parent, string name)
        => parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out JsonElement value)
            ? value.ValueKind switch
            {
                JsonValueKind.String => value.GetString(),
                JsonValueKind.Number => value.GetRawText(),
                _ => null,
            }
            : null;

    private static long? Number(JsonElement parent, string name)
        => parent.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number
            && value.TryGetInt64(out long number)
                ? number
                : null;
}
