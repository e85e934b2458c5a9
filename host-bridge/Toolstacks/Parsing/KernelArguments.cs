namespace HostBridge.Toolstacks.Parsing;

/// <summary>The kernel arguments by which a boot checks its filesystems (systemd-fsck(8); forcefsck for sysvinit).</summary>
internal static class KernelArguments
{
    private static readonly string[] ForcedCheck = ["fsck.mode=force", "fsck.repair=preen", "forcefsck"];
    private static readonly string[] Replaced = ["fsck.mode=", "fsck.repair="];

    /// <summary>The same arguments with a forced check in them, in place of what they said of checks before.</summary>
    public static string WithForcedCheck(string arguments)
        => string.Join(' ', arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Where(argument => !ForcedCheck.Contains(argument)
                && !Replaced.Any(prefix => argument.StartsWith(prefix, StringComparison.Ordinal)))
            .Concat(ForcedCheck));

    /// <summary>
    /// A setting as a line of xl's configuration, given on its command line; null when the value has a character for
    /// which xl has no quotes.
    /// </summary>
    public static string? Setting(string name, string value)
        => value.Any(letter => letter is '\\' or < ' ' or > '~') ? null
            : !value.Contains('"') ? $"{name}=\"{value}\""
            : !value.Contains('\'') ? $"{name}='{value}'"
            : null;
}
