namespace HostBridge.Toolstacks.Parsing;

/// <summary>What must hold of a guest's definition before its domain is destroyed or its boot is changed. Pure.</summary>
internal static class XlConfigRules
{
    /// <summary>The actions that xl knows (libxl_types.idl, action_on_shutdown).</summary>
    private static readonly string[] KnownActions =
    [
        "destroy", "restart", "rename_restart", "preserve", "coredump_destroy", "coredump_restart", "soft_reset",
    ];

    /// <summary>In what a file does not mean the domain that runs; empty when it means the same.</summary>
    /// <param name="running">The domain that runs.</param>
    /// <param name="file">What the file makes.</param>
    /// <param name="fileUuid">The uuid as the file has it; null when it has none, and is given one.</param>
    public static IReadOnlyList<string> Differences(XlDomainConfig running, XlDomainConfig file, string? fileUuid)
    {
        var reasons = new List<string>();
        if (file.Name != running.Name)
        {
            reasons.Add($"its name is {file.Name}, and the domain's is {running.Name}");
        }

        if (fileUuid is not null && (!Guid.TryParse(fileUuid, out Guid uuid) || uuid != running.Uuid))
        {
            reasons.Add($"its uuid is {fileUuid}, and the domain's is {running.Uuid:D}");
        }

        if (file.Type != running.Type)
        {
            reasons.Add($"its type is {file.Type}, and the domain's is {running.Type}");
        }

        AddDisks(reasons, running.Disks.Except(file.Disks), "the domain has the disk", "that the file has not");
        AddDisks(reasons, file.Disks.Except(running.Disks), "it has the disk", "that the domain has not");
        if (running.Disks.Count != file.Disks.Count && reasons.Count == 0)
        {
            reasons.Add("it names a disk twice");
        }

        foreach ((string setting, string action) in new[]
        {
            ("on_poweroff", file.OnPowerOff), ("on_reboot", file.OnReboot), ("on_crash", file.OnCrash),
        })
        {
            if (!KnownActions.Contains(action))
            {
                reasons.Add($"what {setting} = {action} does is not known");
            }
        }

        return reasons;
    }

    /// <summary>
    /// Why Dom0 cannot set the arguments of this guest's kernel; null when it can: a kernel of Dom0 that is Linux itself
    /// and no boot loader, or pygrub, which appends them.
    /// </summary>
    public static string? WhyArgumentsAreNotOurs(XlDomainConfig guest)
    {
        if (guest.Bootloader is { } bootloader)
        {
            return LastPart(bootloader) == "pygrub" && guest.Type == "pv"
                ? null
                : $"its bootloader {bootloader} is not known to pass kernel arguments on";
        }

        return guest switch
        {
            { Kernel: null } => "its kernel comes from its own disk, and so do the kernel's arguments",
            { Type: not ("pv" or "pvh") } => $"it is of type {guest.Type}, whose boot does not take them from Dom0",
            { Kernel: { } kernel } when LastPart(kernel).Contains("grub", StringComparison.OrdinalIgnoreCase)
                => $"its kernel {kernel} is a boot loader, which takes the arguments for itself",
            _ => null,
        };
    }

    private static void AddDisks(List<string> reasons, IEnumerable<XlDisk> disks, string begin, string end)
        => reasons.AddRange(disks.Select(disk
            => $"{begin} {disk.VirtualDevice} = {(disk.Path.Length == 0 ? "(empty)" : disk.Path)}"
                + $"{(disk.IsWritable ? string.Empty : ", read-only,")}"
                + $"{(disk.BackendDomain.Length == 0 ? string.Empty : $" of {disk.BackendDomain}")} {end}"));

    private static string LastPart(string path) => path[(path.LastIndexOf('/') + 1)..];
}
