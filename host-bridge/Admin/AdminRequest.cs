using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using HostBridge.Admin.Views;

namespace HostBridge.Admin;

/// <summary>What a person's command asks of the bridge that runs: one line of JSON.</summary>
internal sealed record AdminRequest
{
    /// <summary>The longest line, in bytes, its end included.</summary>
    public const int MaxBytes = 4096;

    /// <summary>The schema that the asker speaks.</summary>
    public int Schema { get; init; } = AdminSchema.Current;

    /// <summary>One of <see cref="AdminVerbs"/>.</summary>
    public string Command { get; init; } = string.Empty;

    /// <summary>The guest as the person wrote it; null for all of them, or the bridge itself.</summary>
    public string? Guest { get; init; }

    /// <summary>For how long, in seconds; null for until a person ends it.</summary>
    public long? Seconds { get; init; }

    /// <summary>Whether nothing is to be done, only said.</summary>
    public bool DryRun { get; init; }
}

/// <summary>The words of <see cref="AdminRequest.Command"/>.</summary>
internal static class AdminVerbs
{
    /// <summary>How everything stands.</summary>
    public const string Status = "status";

    /// <summary>Why one guest is treated as it is.</summary>
    public const string Explain = "explain";

    /// <summary>Recover one guest.</summary>
    public const string Recover = "recover";

    /// <summary>What stands was seen.</summary>
    public const string Acknowledge = "acknowledge";

    /// <summary>Nothing is to be begun.</summary>
    public const string Pause = "pause";

    /// <summary>A pause is over.</summary>
    public const string Resume = "resume";
}

/// <summary>Requests and documents as JSON, generated when compiled. Keys are in snake case, as in guest-agent's.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    MaxDepth = 8)]
[JsonSerializable(typeof(AdminRequest))]
[JsonSerializable(typeof(StatusDocument))]
[JsonSerializable(typeof(ExplainDocument))]
[JsonSerializable(typeof(ActDocument))]
[JsonSerializable(typeof(ErrorDocument))]
[JsonSerializable(typeof(HistoryDocument))]
[JsonSerializable(typeof(DocumentHead))]
internal sealed partial class AdminJson : JsonSerializerContext
{
    /// <summary>For a terminal or a parser, never for a web page: quotes and brackets stay readable.</summary>
    public static AdminJson Plain => field ??= new AdminJson(new JsonSerializerOptions(Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    /// <summary>A document as bytes.</summary>
    public static byte[] ToBytes(object document)
    {
        Type type = document.GetType();
        JsonTypeInfo info = Plain.GetTypeInfo(type)
            ?? throw new ArgumentException($"{type.Name} is no document", nameof(document));
        return JsonSerializer.SerializeToUtf8Bytes(document, info);
    }
}
