using System.Collections.Frozen;
using HostBridge.Recovery;
using Protocol.Xenstore;

namespace HostBridge.Guests;

/// <summary>What a watch event makes outdated of what was read of a domain. Pure.</summary>
internal static class OutdatedKeys
{
    /// <summary>Everything is to be read again.</summary>
    public const string Everything = GuestKeys.Report;

    /// <summary>
    /// The keys that are read again alone. Those that say how the others are to be read are not among them.
    /// </summary>
    private static readonly FrozenSet<string> ReadAlone = FrozenSet.ToFrozenSet(
        [
            GuestKeys.State, GuestKeys.Heartbeat, GuestKeys.Version, GuestKeys.Outcome,
            GuestKeys.FsckHook,
            .. ReportAssembler.FilesystemKeys,
        ],
        StringComparer.Ordinal);

    private static readonly FrozenSet<string> ReadWithTheRest = FrozenSet.ToFrozenSet(
        [Everything, GuestKeys.Schema, GuestKeys.BootId, GuestKeys.FilesystemCount, GuestKeys.Filesystems],
        StringComparer.Ordinal);

    /// <summary>
    /// The key that is outdated, or <see cref="Everything"/>; null for a node that is never read, of which a guest
    /// may make as many as it likes.
    /// </summary>
    public static string? Of(DomainId domain, string path)
    {
        string home = GuestKeys.Absolute(domain.Value, string.Empty);
        if (!path.StartsWith(home, StringComparison.Ordinal))
        {
            return Everything;
        }

        ReadOnlySpan<char> key = path.AsSpan(home.Length);
        if (ReadAlone.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(key, out string? alone))
        {
            return alone;
        }

        return ReadWithTheRest.GetAlternateLookup<ReadOnlySpan<char>>().Contains(key) ? Everything : null;
    }
}
