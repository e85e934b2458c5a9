using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using HostBridge.Notifications.Grouping;
using HostBridge.Notifications.Telling;

namespace HostBridge.Notifications.Wording;

/// <summary>A message for programs: one object of JSON. Its names are a promise, NOTIFICATIONS.md has them.</summary>
internal static class MessageJson
{
    /// <summary>The version of the names.</summary>
    public const int Schema = 1;

    /// <summary>
    /// The most bytes. A pipe holds 64 KiB, so no reader can keep a writer waiting; and quoted for curl it stays below
    /// 100 KiB, the longest line that some versions of it read.
    /// </summary>
    public const int MaxBytes = 48_000;

    /// <summary>The most that one notice may take: four texts, each letter of which may have to be escaped.</summary>
    private const int MaxNoticeBytes = 9 * Notice.MaxTextLength;

    /// <summary>It is no part of a page, so a quote need not become six bytes.</summary>
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The object.</summary>
    public static byte[] Write(NoticeMessage message)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            NoticeBatch batch = message.Batch;
            json.WriteStartObject();
            json.WriteNumber("schema", Schema);
            json.WriteString("id", message.Id);
            json.WriteString("host", message.Host);
            json.WriteString("title", message.Title);
            json.WriteString("text", message.Text);
            json.WriteNumber("priority", message.Priority);
            json.WriteString("kind", Notice.Kinds.ToName(MessageFields.MainOf(batch).Kind));
            if (batch.Incident is { } incident)
            {
                json.WriteString("incident", incident);
                json.WriteString("cause", batch.Cause);
            }

            WriteCounts(json, batch.Counts);
            WriteFolded(json, batch.Folded);
            WriteNotices(json, batch);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteCounts(Utf8JsonWriter json, GuestCounts? counts)
    {
        if (counts is { } known)
        {
            json.WriteStartObject("guests");
            json.WriteNumber("affected", known.Affected);
            json.WriteNumber("healed", known.Healed);
            json.WriteNumber("recovering", known.Recovering);
            json.WriteNumber("waiting", known.Waiting);
            json.WriteNumber("need_operator", known.NeedOperator);
            json.WriteEndObject();
        }
    }

    private static void WriteFolded(Utf8JsonWriter json, FoldedNotices? folded)
    {
        if (folded is not null)
        {
            json.WriteStartObject("not_told");
            json.WriteNumber("count", folded.Count);
            json.WriteString("since", folded.Since.UtcDateTime);
            json.WriteString("until", folded.Until.UtcDateTime);
            json.WriteEndObject();
        }
    }

    /// <summary>The newest of each guest first; what there is no room for is counted.</summary>
    private static void WriteNotices(Utf8JsonWriter json, NoticeBatch batch)
    {
        IReadOnlyList<Notice> newest = MessageFields.Guests(batch);
        Notice[] ordered = [.. newest, .. batch.Notices.Except(newest).OrderByDescending(notice => notice.Id)];
        int written = 0;
        json.WriteStartArray("notices");
        while (written < ordered.Length && json.BytesCommitted + json.BytesPending < MaxBytes - MaxNoticeBytes)
        {
            WriteNotice(json, ordered[written]);
            written++;
        }

        json.WriteEndArray();
        json.WriteNumber("notices_left_out", ordered.Length - written);
    }

    private static void WriteNotice(Utf8JsonWriter json, Notice notice)
    {
        json.WriteStartObject();
        json.WriteNumber("id", notice.Id);
        json.WriteString("at", notice.At.UtcDateTime);
        json.WriteString("kind", Notice.Kinds.ToName(notice.Kind));
        if (notice.Guest is { } guest)
        {
            json.WriteString("guest", guest.Name);
            json.WriteString("uuid", guest.Uuid);
        }

        if (notice.Domain is { } domain)
        {
            json.WriteNumber("domain", domain);
        }

        (string Name, string? Value)[] texts =
        [
            ("mount", notice.Mount), ("verdict", notice.Verdict), ("intent", notice.Intent), ("what", notice.What),
            ("why", notice.Why), ("done", notice.Done), ("to_do", notice.ToDo),
        ];
        foreach ((string name, string? value) in texts)
        {
            if (value is { Length: > 0 })
            {
                json.WriteString(name, value);
            }
        }

        json.WriteEndObject();
    }
}
