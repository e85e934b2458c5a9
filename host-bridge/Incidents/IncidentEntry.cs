using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using HostBridge.Recovery;
using Protocol.Health;

namespace HostBridge.Incidents;

/// <summary>One entry of a guest's story. Words are those of the wire; what does not apply is left out.</summary>
internal sealed record IncidentEntry
{
    /// <summary>When, on the wall clock.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>The guest.</summary>
    public required Guid Guest { get; init; }

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>The domain it ran in.</summary>
    public int? Domain { get; init; }

    /// <summary>What it is about: a <see cref="TellKind"/>.</summary>
    public required string Kind { get; init; }

    /// <summary>For a person.</summary>
    public required string Text { get; init; }

    /// <summary>The mount point, percent-encoded.</summary>
    public string? Mount { get; init; }

    /// <summary>The verdict.</summary>
    public string? Verdict { get; init; }

    /// <summary>What the mount table claims.</summary>
    public string? Claims { get; init; }

    /// <summary>Whether the mount table hides the fault.</summary>
    public bool? Hidden { get; init; }

    /// <summary>What the guest's probe met.</summary>
    public string? Probe { get; init; }

    /// <summary>Since when, on the guest's wall clock.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>The boot that told of it, or that proved it.</summary>
    public string? BootId { get; init; }

    /// <summary>The rung.</summary>
    public string? Rung { get; init; }

    /// <summary>The request, which is also the name of the intent.</summary>
    public string? Request { get; init; }

    /// <summary>The exit code of the check.</summary>
    public int? FsckExit { get; init; }

    /// <summary>The intent is over.</summary>
    public bool? EndsIntent { get; init; }

    /// <summary>Holds over a restart of the bridge, until a proof.</summary>
    public bool? Standing { get; init; }

    /// <summary>The step of the offline rung that is begun or done: an <see cref="OfflineStep"/>.</summary>
    public string? Step { get; init; }

    /// <summary>The disks that the step is about, as <see cref="StateFormat.ToText(GuestDisks)"/> writes them.</summary>
    public string? Disks { get; init; }

    /// <summary>
    /// The text is no part of a page, so quotes and angle brackets need not become six bytes each; control characters
    /// are escaped all the same.
    /// </summary>
    private static readonly IncidentJson Json = new(new JsonSerializerOptions(IncidentJson.Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    private static readonly KebabNames<TellKind> Kinds = new();
    private static readonly KebabNames<Rung> Rungs = new();
    private static readonly KebabNames<OfflineStep> Steps = new();

    /// <summary>As one line of JSON, without its end.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json.IncidentEntry);

    /// <summary>The word for a kind.</summary>
    public static string KindName(TellKind kind) => Kinds.ToName(kind);

    /// <summary>An entry with the facts of an action.</summary>
    public static IncidentEntry Of(
        GuestIdentity guest, DomainId? domain, TellKind kind, string text, IncidentFacts facts, DateTimeOffset time)
        => new()
        {
            Time = time,
            Guest = guest.Uuid,
            Name = guest.Name,
            Domain = domain?.Value,
            Kind = KindName(kind),
            Text = text,
            Mount = facts.Filesystem?.MountPoint.Encoded,
            Verdict = facts.Filesystem?.Verdict.ToName(),
            Claims = facts.Filesystem?.Claims.ToString().ToLowerInvariant(),
            Hidden = facts.Filesystem?.Hidden,
            Probe = facts.Filesystem?.Evidence.Where(one => one.Kind == EvidenceKind.Probe)
                .Select(one => one.Detail).FirstOrDefault(),
            Since = facts.Filesystem?.Since,
            BootId = facts.BootId.IsNone ? null : facts.BootId.ToString(),
            Rung = facts.Rung is { } rung ? Rungs.ToName(rung) : null,
            Request = facts.RequestId.IsNone ? null : facts.RequestId.ToString(),
            FsckExit = facts.FsckExitCode,
            Step = facts.Step is { } step ? Steps.ToName(step) : null,
            Disks = facts.Disks is { } disks ? StateFormat.ToText(disks) : null,
        };
}

/// <summary>Entries as JSON, generated when compiled.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(IncidentEntry))]
internal sealed partial class IncidentJson : JsonSerializerContext;
