using GuestAgent.Linux;
using GuestAgent.Signals.Parsing;
using Mono.Unix.Native;
using Protocol.Health;

namespace GuestAgent.Signals;

/// <summary>
/// Reads how this guest's boots check filesystems: traces of this boot in /run, which is no disk, and configuration on the
/// root. So it is read once, while the root is known to work.
/// </summary>
internal static class BootCheckReader
{
    private const int MaxFstabBytes = 1024 * 1024;
    private const int MaxUnits = 2000;
    private const string Invocation = "invocation:";

    private static readonly string[] MaskFolders = ["systemd/generator.early", "systemd/system", "systemd/system.control"];
    private static readonly string[] Types = ["ext2", "ext3", "ext4"];
    private static readonly string[] ProgramFolders = ["sbin", "usr/sbin", "bin", "usr/bin"];

    /// <summary>Reads what there is; what cannot be read is not known.</summary>
    public static BootCheckFacts Read(PathRoot paths)
    {
        byte[]? fstab = SmallFile.TryReadBytes(paths.Etc("fstab"), MaxFstabBytes);
        bool? hasFstab = fstab is not null ? true : Exists(paths.Etc("fstab")) == false ? false : null;
        bool isSystemd = Directory.Exists(paths.Run("systemd/system")); // sd_booted(3)
        var entries = new Dictionary<MountPoint, FstabEntry>();
        foreach (FstabEntry entry in FstabParser.Parse(fstab))
        {
            entries[entry.MountPoint] = entry;
        }

        string[] masked = [BootCheckRules.RootUnit, BootCheckRules.OtherUnit];
        return new BootCheckFacts
        {
            HasFstab = hasFstab,
            Fstab = entries,
            CommandLine = SmallFile.TryReadText(paths.Proc("cmdline")) ?? string.Empty,
            IsSystemd = isSystemd,
            Started = Names(paths.Run("systemd/units"))
                .Where(name => name.StartsWith(Invocation, StringComparison.Ordinal))
                .Select(name => name[Invocation.Length..])
                .ToHashSet(StringComparer.Ordinal),
            AskedOfSystemd = ((string[])["systemd/generator", "systemd/generator.late"])
                .SelectMany(folder => AskedIn(paths.Run(folder)))
                .ToHashSet(),
            Masked = masked.Where(unit => IsMasked(paths, unit)).ToHashSet(StringComparer.Ordinal),
            CheckedByInitramfs = ((string[])["root", "usr"])
                .Where(name => File.Exists(paths.Run($"initramfs/fsck-{name}")))
                .ToHashSet(StringComparer.Ordinal),
            Mark = BootId.TryParse(SmallFile.TryReadText(paths.Proc("sys/kernel/random/boot_id")) ?? string.Empty, out BootId boot)
                ? EarlyBootMark.Parse(SmallFile.TryReadText(paths.Run(EarlyBootMark.FileName)), boot)
                : null,
            TypesWithoutFsck = Types
                .Where(type => IsMissing(paths, $"fsck.{type}") && (isSystemd || IsMissing(paths, "e2fsck")))
                .ToHashSet(StringComparer.Ordinal),
        };
    }

    private static IEnumerable<MountPoint> AskedIn(string folder)
        => Names(folder)
            .Where(name => name.EndsWith(".mount", StringComparison.Ordinal))
            .Select(name => BootCheckRules.AskedIn(SmallFile.TryReadText($"{folder}/{name}") ?? string.Empty))
            .OfType<MountPoint>();

    /// <summary>A link to /dev/null, or an empty file (systemd.unit(5)).</summary>
    private static bool IsMasked(PathRoot paths, string unit)
        => ((string[])[paths.Etc($"systemd/system/{unit}"), .. MaskFolders.Select(folder => paths.Run($"{folder}/{unit}"))])
            .Any(file => new FileInfo(file).LinkTarget == "/dev/null" || SmallFile.TryReadText(file) is "");

    /// <summary>Missing for sure: not when a folder cannot be read.</summary>
    private static bool IsMissing(PathRoot paths, string program)
        => ProgramFolders.All(folder => Exists(paths.At($"{folder}/{program}")) == false);

    /// <summary>Null when that cannot be told.</summary>
    private static bool? Exists(string path)
        => Syscall.access(path, AccessModes.F_OK) == 0 ? true
            : LastErrno.Name is "ENOENT" or "ENOTDIR" ? false
            : null;

    private static IEnumerable<string> Names(string folder)
    {
        try
        {
            return Directory.Exists(folder)
                ? [.. Directory.EnumerateFileSystemEntries(folder).Take(MaxUnits).Select(entry => Path.GetFileName(entry))]
                : [];
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
