using Protocol.Health;

namespace GuestAgent.Signals.Parsing;

/// <summary>
/// The mark that the package's part of an initramfs leaves in <c>/run</c> (<c>early-boot</c>): whether it asked the host for
/// a forced check, and whether it could make one. DETECTION.md has the format.
/// </summary>
/// <param name="By">
/// What made the initramfs: <c>initramfs-tools</c>, <c>dracut</c> (without systemd) or <c>systemd</c>; another word is a
/// newer one.
/// </param>
/// <param name="HasFsck">Whether <c>fsck</c> is in the initramfs and would be run.</param>
/// <param name="HasE2fsck">Whether an <c>e2fsck</c> that starts is in it.</param>
/// <param name="IsForced">Whether the host asked for a forced check of this boot.</param>
/// <param name="RootExitCode">
/// How the forced check of the root ended (fsck(8)), where the hook made it itself (dracut without systemd); else null.
/// </param>
internal sealed record EarlyBootMark(string By, bool HasFsck, bool HasE2fsck, bool IsForced, int? RootExitCode)
{
    /// <summary>The name of the mark below <c>/run</c>.</summary>
    public const string FileName = "guest-agent-fsck-hook";

    private const char Separator = '=';
    private const string Yes = "yes";

    /// <summary>
    /// Reads a mark: lines of <c>name=value</c>, in any order; unknown names are left out, of a name that occurs twice the
    /// last counts.
    /// </summary>
    /// <returns>Null without a mark, with an empty one (0.1.0), or with one of another boot.</returns>
    public static EarlyBootMark? Parse(string? text, BootId boot)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string line in (text ?? string.Empty).Split('\n'))
        {
            int separator = line.IndexOf(Separator, StringComparison.Ordinal);
            if (separator > 0)
            {
                values[line[..separator]] = line[(separator + 1)..];
            }
        }

        if (!BootId.TryParse(values.GetValueOrDefault("boot") ?? string.Empty, out BootId written) || written != boot)
        {
            return null;
        }

        return new EarlyBootMark(
            values.GetValueOrDefault("by") ?? string.Empty,
            values.GetValueOrDefault("fsck") == Yes,
            values.GetValueOrDefault("e2fsck") == Yes,
            values.GetValueOrDefault("forced") == Yes,
            byte.TryParse(values.GetValueOrDefault("root-exit"), out byte code) ? code : null);
    }

    /// <summary>
    /// Whether a host may leave the check of the root to the next early boot, which is that of this one unless the initramfs
    /// is made anew. A root that is not of ext has no check that could be forced (fsck.xfs(8), fsck.btrfs(8) do nothing): its
    /// log is replayed by the mount, so nothing is missing in the initramfs.
    /// </summary>
    /// <param name="rootType">The type of the root in the mount table; null where it is not known.</param>
    public bool CanForceCheck(string? rootType)
        => (HasFsck && HasE2fsck) || rootType is not (null or "ext2" or "ext3" or "ext4");
}
