using System.Globalization;
using System.Text;
using Protocol.Health;
using Protocol.Xenstore;

namespace HostBridge.Guests;

/// <summary>What a domain's nodes amount to: a report, a rejection, or neither while it is being written.</summary>
/// <param name="Report">The report; null when there is none.</param>
/// <param name="Rejection">What is wrong with the nodes, in our own words; null when nothing is.</param>
internal readonly record struct AssembledReport(GuestReport? Report, string? Rejection);

/// <summary>
/// Puts a report together from the nodes of one domain. Pure. Of the summary it is only read whether lines are left
/// out: what the bridge acts on are the lines of the filesystems, and it judges the worst of them itself.
/// </summary>
internal static class ReportAssembler
{
    /// <summary>The keys that are ever read, relative to the domain's home, without the filesystems.</summary>
    public static IReadOnlyList<string> FixedKeys { get; } =
    [
        GuestKeys.Schema, GuestKeys.BootId, GuestKeys.State, GuestKeys.FilesystemCount, GuestKeys.Heartbeat,
        GuestKeys.Version, GuestKeys.FsckHook,
    ];

    /// <summary>The keys of the filesystems, the worst first.</summary>
    public static IReadOnlyList<string> FilesystemKeys { get; } =
        [.. Enumerable.Range(0, GuestReport.MaxFilesystems).Select(GuestKeys.Filesystem)];

    /// <summary>
    /// How many filesystem slots are filled, by the count's node; none when it is absent or malformed.
    /// </summary>
    public static int SlotCount(byte[]? filesystemCount)
        => Math.Min(Number(filesystemCount, ReportCodec.MaxFilesystemCount) ?? 0, GuestReport.MaxFilesystems);

    /// <summary>The keys of a report with so many filesystems, by the count's node.</summary>
    public static IEnumerable<string> KeysOf(byte[]? filesystemCount)
        => FixedKeys.Concat(FilesystemKeys.Take(SlotCount(filesystemCount)));

    /// <summary>Puts a report together.</summary>
    /// <param name="nodes">The values by relative key; absent nodes are left out.</param>
    public static AssembledReport Assemble(IReadOnlyDictionary<string, byte[]> nodes)
    {
        if (!nodes.TryGetValue(GuestKeys.Schema, out byte[]? schemaBytes))
        {
            return default;
        }

        if (Number(schemaBytes, int.MaxValue) is not { } schema)
        {
            return Reject("its schema is no number");
        }

        if (schema > GuestReport.CurrentSchema)
        {
            return Reject(string.Create(
                CultureInfo.InvariantCulture,
                $"its schema {schema} is newer than {GuestReport.CurrentSchema}, which is the newest known here"));
        }

        if (!nodes.TryGetValue(GuestKeys.BootId, out byte[]? bootBytes)
            || !nodes.TryGetValue(GuestKeys.FilesystemCount, out byte[]? countBytes))
        {
            return default;
        }

        if (Ascii(bootBytes) is not { } bootText || !BootId.TryParse(bootText, out BootId bootId))
        {
            return Reject("its boot-id is none");
        }

        if (Number(countBytes, ReportCodec.MaxFilesystemCount) is not { } count)
        {
            return Reject("its filesystem-count is no number, or too great");
        }

        return AssembleLines(nodes, bootId, count);
    }

    private static AssembledReport AssembleLines(IReadOnlyDictionary<string, byte[]> nodes, BootId bootId, int count)
    {
        var filesystems = new List<FilesystemHealth>();
        var mountPoints = new HashSet<MountPoint>();
        long sequence = 1;
        int unreadable = 0;
        for (int slot = 0; slot < Math.Min(count, GuestReport.MaxFilesystems); slot++)
        {
            if (!nodes.TryGetValue(GuestKeys.Filesystem(slot), out byte[]? bytes))
            {
                if (slot > 0 && IsQuotaExceeded(nodes))
                {
                    break;
                }

                return default;
            }

            if (ReportCodec.TryParseLine(bytes) is not { } line)
            {
                unreadable++;
                continue;
            }

            if (line.BootId != bootId || !mountPoints.Add(line.Health.MountPoint))
            {
                // A line of the boot before, or one filesystem in two slots while the order changes: it is being
                // written, and the event for the rest is on its way.
                return default;
            }

            filesystems.Add(line.Health);
            sequence = Math.Max(sequence, line.Sequence);
        }

        if (unreadable > 0 && filesystems.Count == 0)
        {
            return Reject("none of its lines can be parsed");
        }

        if (filesystems.Count(one => one.Role == FilesystemRole.Root) > 1)
        {
            return Reject("it reports more than one root");
        }

        return new AssembledReport(
            new GuestReport
            {
                BootId = bootId,
                Sequence = sequence,
                AgentVersion = Version(nodes),
                State = GuestState.Of(filesystems, DateTimeOffset.UnixEpoch),
                Filesystems = filesystems,
                FilesystemCount = count,
                UnreadableLines = unreadable,
                HasFsckHook = nodes.TryGetValue(GuestKeys.FsckHook, out byte[]? hook)
                    && Ascii(hook) == bootId.ToString(),
            },
            Rejection: null);
    }

    /// <summary>The guest has no room for all its lines: the worst come first, so those that are there count.</summary>
    private static bool IsQuotaExceeded(IReadOnlyDictionary<string, byte[]> nodes)
        => nodes.TryGetValue(GuestKeys.State, out byte[]? state)
            && Ascii(state)?.EndsWith($" {ReportCodec.QuotaExceeded}", StringComparison.Ordinal) == true;

    private static AssembledReport Reject(string reason) => new(Report: null, reason);

    private static string Version(IReadOnlyDictionary<string, byte[]> nodes)
        => nodes.TryGetValue(GuestKeys.Version, out byte[]? bytes) && Ascii(bytes) is { } text
            && ReportCodec.IsVersion(text)
                ? text
                : string.Empty;

    private static int? Number(byte[]? bytes, int max)
        => bytes is not null
            && int.TryParse(Ascii(bytes), NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && number <= max
                ? number
                : null;

    private static string? Ascii(byte[] bytes)
        => bytes.AsSpan().ContainsAnyExceptInRange((byte)0x20, (byte)0x7e) ? null : Encoding.ASCII.GetString(bytes);
}
