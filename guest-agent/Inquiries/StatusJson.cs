using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Protocol.Health;
using Protocol.Xenstore;

namespace GuestAgent.Inquiries;

/// <summary>
/// The document as JSON: one line, the contract of <c>--json</c> and of the socket (DETECTION.md lists the fields).
/// Keys are in snake case; values are the words of xenstore and of the log.
/// </summary>
internal static class StatusJson
{
    private static readonly KebabNames<Severity> Severities = new();
    private static readonly KebabNames<FilesystemRole> Roles = new();
    private static readonly KebabNames<MountClaim> Claims = new();
    private static readonly KebabNames<InquiryError> Errors = new();

    // The document goes to a terminal or a parser, never into a web page.
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The word for a class: <c>ok</c>, <c>warning</c>, <c>critical</c> or <c>unknown</c>.</summary>
    public static string NameOf(Severity severity) => Severities.ToName(severity);

    /// <summary>The document as one line, its end included.</summary>
    public static byte[] Write(StatusDocument document)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Plain))
        {
            json.WriteStartObject();
            json.WriteNumber("schema"u8, StatusDocument.CurrentSchema);
            json.WriteString("agent_version"u8, document.AgentVersion);
            json.WriteString("boot_id"u8, document.BootId.ToString());
            json.WriteNumber("sequence"u8, document.Sequence);
            json.WriteString("xenstore"u8, document.Xenstore);
            json.WriteString("severity"u8, Severities.ToName(document.Severity));
            if (document.Configuration is { } configuration)
            {
                json.WriteString("configuration"u8, configuration);
            }

            WriteRecovery(json, document.LastRecovery);
            if (document.Error == InquiryError.None)
            {
                json.WriteNumber("filesystem_count"u8, document.FilesystemCount);
                json.WriteStartArray("filesystems"u8);
                foreach (FilesystemStatus one in document.Filesystems)
                {
                    WriteFilesystem(json, one);
                }

                json.WriteEndArray();
            }
            else
            {
                json.WriteString("error"u8, Errors.ToName(document.Error));
            }

            json.WriteEndObject();
        }

        buffer.Write("\n"u8);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>
    /// Reads what <see cref="Write"/> writes; null when it is none, or of a schema this program does not know.
    /// </summary>
    public static StatusDocument? TryRead(ReadOnlyMemory<byte> line)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(line);
            return Read(json.RootElement);
        }
        catch (Exception malformed) when (malformed is JsonException or KeyNotFoundException
            or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private static void WriteRecovery(Utf8JsonWriter json, LastRecovery? recovery)
    {
        if (recovery is null)
        {
            return;
        }

        json.WriteStartObject("last_recovery"u8);
        json.WriteString("time"u8, FieldLine.Time(recovery.Time));
        json.WriteString("id"u8, recovery.Id.ToString());
        json.WriteString("action"u8, LastRecovery.MeansWords.ToName(recovery.Means));
        json.WriteString("result"u8, LastRecovery.EndWords.ToName(recovery.End));
        if (recovery.FsckExitCode is { } exitCode)
        {
            json.WriteNumber("fsck"u8, exitCode);
        }

        json.WriteString("reason"u8, recovery.Reason);
        json.WriteEndObject();
    }

    private static LastRecovery ReadRecovery(JsonElement json)
    {
        _ = RequestId.TryParse(Text(json, "id"u8), out RequestId id);
        return new LastRecovery
        {
            Time = json.GetProperty("time"u8).GetDateTimeOffset(),
            Id = id,
            Means = Word(LastRecovery.MeansWords, json, "action"u8),
            End = Word(LastRecovery.EndWords, json, "result"u8),
            FsckExitCode = json.TryGetProperty("fsck"u8, out JsonElement exitCode) ? exitCode.GetInt32() : null,
            Reason = Text(json, "reason"u8),
        };
    }

    private static void WriteFilesystem(Utf8JsonWriter json, FilesystemStatus one)
    {
        FilesystemHealth health = one.Health;
        json.WriteStartObject();
        json.WriteString("mount_point"u8, health.MountPoint.Encoded);
        json.WriteString("device"u8, health.Device);
        json.WriteString("type"u8, health.FilesystemType);
        json.WriteString("role"u8, Roles.ToName(health.Role));
        json.WriteString("verdict"u8, health.Verdict.ToName());
        json.WriteString("severity"u8, Severities.ToName(health.Severity));
        json.WriteBoolean("hidden"u8, health.Hidden);
        json.WriteString("claims"u8, Claims.ToName(health.Claims));
        json.WriteString("since"u8, FieldLine.Time(health.Since));
        if (health.DataLossSince is { } lost)
        {
            json.WriteString("data_loss_since"u8, FieldLine.Time(lost));
        }

        if (health.Why is { } why)
        {
            json.WriteString("why"u8, why.ToName());
        }

        json.WriteStartArray("origins"u8);
        foreach (DiskOrigin origin in health.Origins)
        {
            json.WriteStringValue(origin.ToName());
        }

        json.WriteEndArray();
        json.WriteString("boot_check"u8, health.BootCheck.ToName());
        if (health.BootCheckWhy is { } whyNot)
        {
            json.WriteString("boot_check_why"u8, whyNot.ToName());
        }

        json.WriteStartArray("evidence"u8);
        foreach (Evidence fact in health.Evidence)
        {
            json.WriteStartObject();
            json.WriteString("kind"u8, fact.Kind.ToName());
            json.WriteString("detail"u8, fact.Detail);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (one.ProbeAge is { } age)
        {
            json.WriteNumber("probe_age_ms"u8, (long)age.TotalMilliseconds);
        }

        json.WriteNumber("probe_interval_ms"u8, (long)one.ProbeInterval.TotalMilliseconds);
        if (one.Probe is { } probe)
        {
            json.WriteStartObject("probe"u8);
            json.WriteBoolean("fresh"u8, probe.IsFresh);
            json.WriteString("result"u8, probe.Result);
            json.WriteNumber("duration_ms"u8, probe.DurationMs);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static StatusDocument? Read(JsonElement json)
    {
        if (json.GetProperty("schema"u8).GetInt32() != StatusDocument.CurrentSchema)
        {
            return null;
        }

        _ = BootId.TryParse(Text(json, "boot_id"u8), out BootId bootId);
        var document = new StatusDocument
        {
            AgentVersion = Text(json, "agent_version"u8),
            BootId = bootId,
            Sequence = json.GetProperty("sequence"u8).GetInt64(),
            Xenstore = Text(json, "xenstore"u8),
            Severity = Word(Severities, json, "severity"u8),
            Configuration = json.TryGetProperty("configuration"u8, out JsonElement configuration)
                ? configuration.GetString()
                : null,
            LastRecovery = json.TryGetProperty("last_recovery"u8, out JsonElement recovery)
                ? ReadRecovery(recovery)
                : null,
        };
        return json.TryGetProperty("error"u8, out _)
            ? document with { Error = Word(Errors, json, "error"u8) }
            : document with
            {
                FilesystemCount = json.GetProperty("filesystem_count"u8).GetInt32(),
                Filesystems = [.. json.GetProperty("filesystems"u8).EnumerateArray().Select(ReadFilesystem)],
            };
    }

    private static FilesystemStatus ReadFilesystem(JsonElement json)
    {
        if (!MountPoint.TryParse(Text(json, "mount_point"u8), out MountPoint mountPoint)
            || !VerdictName.TryParse(Text(json, "verdict"u8), out Verdict verdict))
        {
            throw new FormatException("no filesystem of this program's schema");
        }

        var health = new FilesystemHealth
        {
            MountPoint = mountPoint,
            Device = Text(json, "device"u8),
            FilesystemType = Text(json, "type"u8),
            Role = Word(Roles, json, "role"u8),
            Verdict = verdict,
            Hidden = json.GetProperty("hidden"u8).GetBoolean(),
            Claims = Word(Claims, json, "claims"u8),
            Since = json.GetProperty("since"u8).GetDateTimeOffset(),
            DataLossSince = json.TryGetProperty("data_loss_since"u8, out JsonElement lost)
                ? lost.GetDateTimeOffset()
                : null,
            Why = json.TryGetProperty("why"u8, out JsonElement why)
                && VerdictReasonName.TryParse(why.GetString() ?? string.Empty, out VerdictReason reason)
                    ? reason
                    : null,
            Origins = json.TryGetProperty("origins"u8, out JsonElement origins)
                ? [.. origins.EnumerateArray().Select(ReadOrigin)]
                : [],
            BootCheck = json.TryGetProperty("boot_check"u8, out JsonElement check)
                && BootCheckName.TryParse(check.GetString() ?? string.Empty, out BootCheck bootCheck)
                    ? bootCheck
                    : BootCheck.NotKnown,
            BootCheckWhy = json.TryGetProperty("boot_check_why"u8, out JsonElement whyNot)
                && BootCheckReasonName.TryParse(whyNot.GetString() ?? string.Empty, out BootCheckReason notChecked)
                    ? notChecked
                    : null,
            Evidence = [.. json.GetProperty("evidence"u8).EnumerateArray().Select(ReadEvidence)],
        };
        return new FilesystemStatus(health, json.TryGetProperty("probe"u8, out JsonElement probe)
            ? new ProbeNews(
                probe.GetProperty("fresh"u8).GetBoolean(), Text(probe, "result"u8),
                probe.GetProperty("duration_ms"u8).GetDouble())
            : null)
        {
            ProbeAge = json.TryGetProperty("probe_age_ms"u8, out JsonElement age)
                ? TimeSpan.FromMilliseconds(age.GetInt64())
                : null,
            ProbeInterval = TimeSpan.FromMilliseconds(json.GetProperty("probe_interval_ms"u8).GetInt64()),
        };
    }

    private static DiskOrigin ReadOrigin(JsonElement json)
        => DiskOriginName.TryParse(json.GetString() ?? string.Empty, out DiskOrigin origin)
            ? origin
            : throw new FormatException("no origin of this program's schema");

    private static Evidence ReadEvidence(JsonElement json)
        => EvidenceKindName.TryParse(Text(json, "kind"u8), out EvidenceKind kind)
            ? new Evidence(kind, Text(json, "detail"u8))
            : throw new FormatException("no evidence of this program's schema");

    private static string Text(JsonElement json, ReadOnlySpan<byte> name)
        => json.GetProperty(name).GetString() ?? string.Empty;

    private static T Word<T>(KebabNames<T> words, JsonElement json, ReadOnlySpan<byte> name)
        where T : struct, Enum
        => words.TryParse(Text(json, name), out T value)
            ? value
            : throw new FormatException("no word of this program's schema");
}
