using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using HostBridge.Notifications.Telling;

namespace HostBridge.Notifications.Wording;

/// <summary>
/// A message as one entry of systemd's journal, in its native protocol: a field a line, or its name, a line end, the
/// length as 8 bytes (little-endian) and the value, where the value has line ends
/// (systemd.io/JOURNAL_NATIVE_PROTOCOL). A field may be there more than once, so each guest of a storage incident is
/// found by its name.
/// </summary>
internal static class JournalEntry
{
    /// <summary>What marks every notice of host-bridge (journalctl MESSAGE_ID=…).</summary>
    public const string MessageId = "a85c136e7eee47c7a8901e5de363453b";

    /// <summary>
    /// A datagram must stay below the send buffer's default of 208 KiB, and the journal takes 1,024 fields.
    /// </summary>
    private const int MaxGuests = 200;

    /// <summary>The datagram.</summary>
    public static byte[] Write(NoticeMessage message)
    {
        var entry = new List<byte>();
        Notice main = MessageFields.MainOf(message.Batch);
        Add(entry, "MESSAGE", message.Title);
        Add(entry, "MESSAGE_ID", MessageId);
        Add(entry, "PRIORITY", message.Priority.ToString(CultureInfo.InvariantCulture));
        Add(entry, "SYSLOG_IDENTIFIER", "host-bridge");
        Add(entry, "NOTICE_ID", message.Id);
        Add(entry, "NOTICE_KIND", Notice.Kinds.ToName(main.Kind));
        Add(entry, "NOTICE_TEXT", message.Text);
        Add(entry, "INCIDENT", message.Batch.Incident);
        Add(entry, "INTENT", main.Intent);
        Add(entry, "MOUNT_POINT", main.Mount);
        Add(entry, "VERDICT", main.Verdict);
        foreach (Notice notice in MessageFields.Guests(message.Batch).Take(MaxGuests))
        {
            Add(entry, "GUEST_NAME", notice.Guest!.Name);
            Add(entry, "GUEST_UUID", notice.Guest.Uuid.ToString("D"));
        }

        return [.. entry];
    }

    private static void Add(List<byte> entry, string name, string? value)
    {
        if (value is null)
        {
            return;
        }

        byte[] bytes = Encoding.UTF8.GetBytes(value);
        entry.AddRange(Encoding.ASCII.GetBytes(name));
        if (bytes.AsSpan().Contains((byte)'\n'))
        {
            byte[] length = new byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)bytes.Length);
            entry.Add((byte)'\n');
            entry.AddRange(length);
        }
        else
        {
            entry.Add((byte)'=');
        }

        entry.AddRange(bytes);
        entry.Add((byte)'\n');
    }
}
