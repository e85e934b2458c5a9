using System.Globalization;
using System.Text;
using Protocol.Health;

namespace Protocol.Xenstore;

/// <summary>Reports as xenstore nodes, and back.</summary>
public static class ReportCodec
{
    /// <summary>The most filesystems that a guest may count; more is no count.</summary>
    public const int MaxFilesystemCount = 10_000;

    /// <summary>The most bytes of a fact's detail; what is longer is cut.</summary>
    internal const int MaxDetailBytes = 64;

    private const int MaxNameLength = 64;
    private const int MaxVersionLength = 32;

    /// <summary>
    /// Stands behind the state when nodes are left out because the guest's xenstore quota is used up: then the lines
    /// of the least bad filesystems may be absent.
    /// </summary>
    public const string QuotaExceeded = "quota-exceeded";

    /// <summary>
    /// The nodes that say a report, most important first: a guest that runs into its quota keeps the first ones.
    /// </summary>
    /// <param name="report">What is said.</param>
    /// <param name="sequenceOf">The sequence of the report in which a slot's line last changed.</param>
    /// <param name="heartbeat">The sign of life, as <see cref="Heartbeat"/> makes it.</param>
    /// <param name="isQuotaExceeded">Whether <see cref="QuotaExceeded"/> is to be said.</param>
    public static IReadOnlyList<KeyValuePair<string, string>> ToNodes(
        GuestReport report, Func<int, long> sequenceOf, string heartbeat, bool isQuotaExceeded)
    {
        string state = StateText(report.State) + (isQuotaExceeded ? $" {QuotaExceeded}" : string.Empty);
        var nodes = new List<KeyValuePair<string, string>>
        {
            new(GuestKeys.Schema, GuestReport.CurrentSchema.ToString(CultureInfo.InvariantCulture)),
            new(GuestKeys.BootId, report.BootId.ToString()),
            new(GuestKeys.State, state),
            new(GuestKeys.FilesystemCount, report.FilesystemCount.ToString(CultureInfo.InvariantCulture)),
            new(GuestKeys.Heartbeat, heartbeat),
        };
        for (int slot = 0; slot < Math.Min(report.Filesystems.Count, GuestReport.MaxFilesystems); slot++)
        {
            string line = ToLine(report.Filesystems[slot], report.BootId, sequenceOf(slot));
            nodes.Add(new(GuestKeys.Filesystem(slot), line));
        }

        if (report.HasFsckHook)
        {
            nodes.Add(new(GuestKeys.FsckHook, report.BootId.ToString()));
        }

        nodes.Add(new(GuestKeys.Since, FieldLine.Time(report.State.Since)));
        nodes.Add(new(GuestKeys.Version, report.AgentVersion));
        nodes.Add(new(GuestKeys.Service + "/state", state));
        nodes.Add(new(GuestKeys.Service + "/since", FieldLine.Time(report.State.Since)));
        nodes.Add(new(GuestKeys.Service + "/version", report.AgentVersion));
        return nodes;
    }

    /// <summary>The summary as people read it: <c>critical journal-aborted hidden</c>.</summary>
    public static string StateText(GuestState state)
    {
        string severity = state.Severity.ToString().ToLowerInvariant();
        return $"{severity} {state.Worst.ToName()}{(state.Hidden ? " hidden" : string.Empty)}";
    }

    /// <summary>
    /// One filesystem as one line, for example <c>boot=… seq=7 mount=/ device=xvda type=ext3 role=root
    /// verdict=journal-aborted hidden=yes claims=rw since=… evidence=probe:EROFS,kernel-line:aborting-journal</c>.
    /// </summary>
    public static string ToLine(FilesystemHealth health, BootId bootId, long sequence)
    {
        var line = new FieldLineWriter()
            .Add("boot", bootId.ToString())
            .Add("seq", sequence)
            .Add("mount", Shortened(health.MountPoint.Encoded))
            .Add("device", health.Device)
            .Add("type", health.FilesystemType)
            .Add("role", health.Role.ToString().ToLowerInvariant())
            .Add("verdict", health.Verdict.ToName())
            .Add("hidden", health.Hidden ? "yes" : "no")
            .Add("claims", health.Claims.ToString().ToLowerInvariant())
            .Add("since", health.Since)
            .Add("data-loss-since", health.DataLossSince);
        if (health.Why is { } why)
        {
            line.Add("why", why.ToName());
        }

        if (health.Origins.Count > 0)
        {
            line.Add("origin", OriginText(health.Origins));
        }

        if (health.BootCheck != BootCheck.NotKnown)
        {
            line.Add("boot-check", health.BootCheck.ToName());
        }

        if (health.BootCheckWhy is { } whyNot)
        {
            line.Add("boot-check-why", whyNot.ToName());
        }

        int room = FieldLine.MaxLength - line.Length - " evidence=".Length;
        string evidence = EvidenceText(health.Evidence, room);
        return evidence.Length == 0 ? line.ToString() : line.Add("evidence", evidence).ToString();
    }

    /// <summary>
    /// Reads a filesystem's line. Null when anything a decision would stand on is absent or malformed; evidence of
    /// kinds that this reader does not know is left out, and an origin that it does not know is
    /// <see cref="DiskOrigin.Unrecognized"/>. Agents of version 0.1.0 send no <c>why</c>, <c>origin</c> and
    /// <c>boot-check</c>.
    /// </summary>
    public static ReportedFilesystem? TryParseLine(ReadOnlySpan<byte> bytes)
    {
        FieldLine? line = FieldLine.TryParse(bytes);
        if (line is null
            || line["boot"] is not { } boot || !BootId.TryParse(boot, out BootId bootId)
            || line.Number("seq", 1, long.MaxValue) is not { } sequence
            || line["mount"] is not { } mount || !MountPoint.TryParse(mount, out MountPoint mountPoint)
            || line["device"] is not { } device || !IsName(device)
            || line["type"] is not { } type || !IsName(type)
            || !TryWord(line["role"], "root", "data", out bool isRoot)
            || line["verdict"] is not { } verdictName || !VerdictName.TryParse(verdictName, out Verdict verdict)
            || !TryWord(line["hidden"], "yes", "no", out bool hidden)
            || !TryWord(line["claims"], "ro", "rw", out bool claimsReadOnly)
            || line.Moment("since") is not { } since)
        {
            return null;
        }

        var health = new FilesystemHealth
        {
            MountPoint = mountPoint,
            Device = device,
            FilesystemType = type,
            Role = isRoot ? FilesystemRole.Root : FilesystemRole.Data,
            Verdict = verdict,
            Hidden = hidden,
            Claims = claimsReadOnly ? MountClaim.Ro : MountClaim.Rw,
            Since = since,
            DataLossSince = line.Moment("data-loss-since"),
            Why = VerdictReasonName.TryParse(line["why"] ?? string.Empty, out VerdictReason why) ? why : null,
            Origins = ParseOrigins(line["origin"]),
            BootCheck = BootCheckName.TryParse(line["boot-check"] ?? string.Empty, out BootCheck check)
                ? check
                : BootCheck.NotKnown,
            BootCheckWhy = BootCheckReasonName.TryParse(line["boot-check-why"] ?? string.Empty, out BootCheckReason whyNot)
                ? whyNot
                : null,
            Evidence = ParseEvidence(line["evidence"]),
        };
        return new ReportedFilesystem(bootId, sequence, health);
    }

    /// <summary>The heartbeat's value.</summary>
    public static string Heartbeat(long sequence, long uptimeSeconds)
        => new FieldLineWriter().Add("seq", sequence).Add("uptime", uptimeSeconds).ToString();

    /// <summary>
    /// A mount point that is too long for a line is cut and marked with a hash of the whole (FNV-1a), so that it stays
    /// one name; no request can mean it.
    /// </summary>
    internal static string Shortened(string encoded)
    {
        if (encoded.Length <= MountPoint.MaxEncodedLength)
        {
            return encoded;
        }

        uint hash = 2166136261;
        foreach (char letter in encoded)
        {
            hash = (hash ^ letter) * 16777619;
        }

        const int keptLength = 400;
        int escape = encoded.LastIndexOf('%', keptLength - 1);
        int end = escape >= keptLength - 2 ? escape : keptLength;
        return string.Create(CultureInfo.InvariantCulture, $"{encoded[..end]}@cut-{hash:x8}");
    }

    private static string EvidenceText(IReadOnlyList<Evidence> evidence, int room)
    {
        var text = new StringBuilder();
        foreach (Evidence fact in evidence.Take(FilesystemHealth.MaxEvidence))
        {
            byte[] detail = Encoding.UTF8.GetBytes(fact.Detail);
            string encoded = PercentEncoding.Encode(detail.AsSpan(0, Math.Min(detail.Length, MaxDetailBytes)));
            string one = encoded.Length == 0 ? fact.Kind.ToName() : $"{fact.Kind.ToName()}:{encoded}";
            if (text.Length + one.Length + 1 > room)
            {
                break;
            }

            text.Append(text.Length > 0 ? "," : string.Empty).Append(one);
        }

        return text.ToString();
    }

    private static List<Evidence> ParseEvidence(string? text)
    {
        var evidence = new List<Evidence>();
        foreach (string one in (text ?? string.Empty).Split(',').Take(FilesystemHealth.MaxEvidence))
        {
            string[] parts = one.Split(':', 2);
            string? detail = parts.Length == 2 ? PercentEncoding.TryDecodeText(parts[1]) : string.Empty;
            if (detail is not null && EvidenceKindName.TryParse(parts[0], out EvidenceKind kind))
            {
                evidence.Add(new Evidence(kind, detail));
            }
        }

        return evidence;
    }

    /// <summary>Origins as one word, for example <c>vbd,iscsi</c>; empty for none.</summary>
    internal static string OriginText(IReadOnlyList<DiskOrigin> origins)
        => string.Join(',', origins.Select(origin => origin.ToName()));

    /// <summary>Reads that; each origin once.</summary>
    internal static IReadOnlyList<DiskOrigin> ParseOrigins(string? text) => string.IsNullOrEmpty(text)
        ? []
        : [.. text.Split(',')
            .Select(name => DiskOriginName.TryParse(name, out DiskOrigin origin) ? origin : DiskOrigin.Unrecognized)
            .Distinct()];

    /// <summary>Whether it can be an agent's version: printable ASCII, not too long; may be empty.</summary>
    public static bool IsVersion(string text)
        => text.Length <= MaxVersionLength && text.All(letter => letter is >= ' ' and <= '~');

    /// <summary>Whether it can be the kernel's name of a device or a filesystem's type.</summary>
    internal static bool IsName(string text)
        => text.Length is > 0 and <= MaxNameLength
            && text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.' or '!');

    private static bool TryWord(string? text, string whenTrue, string whenFalse, out bool value)
    {
        value = text == whenTrue;
        return value || text == whenFalse;
    }
}

/// <summary>One filesystem's line, as read.</summary>
/// <param name="BootId">The boot that wrote it.</param>
/// <param name="Sequence">The report in which it last changed.</param>
/// <param name="Health">What it says.</param>
public sealed record ReportedFilesystem(BootId BootId, long Sequence, FilesystemHealth Health);
