using System.Buffers.Binary;

namespace GuestAgent.Signals.Parsing;

/// <summary>One event of fanotify, as far as it is of interest here.</summary>
/// <param name="FilesystemId">fsid of the filesystem; null when events were lost and this says no more.</param>
/// <param name="Errno">The error; 0 when the record of it is missing.</param>
internal readonly record struct FanotifyError(long? FilesystemId, int Errno);

/// <summary>
/// Reads fanotify events with FAN_FS_ERROR (linux/fanotify.h): 24 bytes of metadata, then records of which each
/// begins with its type and length; unknown ones are skipped.
/// </summary>
internal static class FanotifyParser
{
    public const ulong ErrorEvent = 0x8000; // FAN_FS_ERROR
    private const ulong QueueOverflow = 0x4000; // FAN_Q_OVERFLOW

    private const int MetadataBytes = 24;
    private const int HeaderBytes = 4;
    private const byte FileIdRecord = 1; // FAN_EVENT_INFO_TYPE_FID
    private const byte ErrorRecord = 5; // FAN_EVENT_INFO_TYPE_ERROR

    /// <summary>Every event in what one read(2) gave; what is malformed ends it.</summary>
    public static List<FanotifyError> Parse(ReadOnlySpan<byte> events)
    {
        var errors = new List<FanotifyError>();
        while (events.Length >= MetadataBytes)
        {
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(events);
            int metadata = BinaryPrimitives.ReadUInt16LittleEndian(events[6..]);
            if (length < MetadataBytes || length > events.Length || metadata < MetadataBytes || metadata > length)
            {
                break;
            }

            ulong mask = BinaryPrimitives.ReadUInt64LittleEndian(events[8..]);
            if ((mask & QueueOverflow) != 0)
            {
                errors.Add(new FanotifyError(null, 0));
            }
            else if ((mask & ErrorEvent) != 0)
            {
                errors.Add(ParseRecords(events[metadata..(int)length]));
            }

            events = events[(int)length..];
        }

        return errors;
    }

    private static FanotifyError ParseRecords(ReadOnlySpan<byte> records)
    {
        long? filesystem = null;
        int errno = 0;
        while (records.Length >= HeaderBytes)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(records[2..]);
            if (length < HeaderBytes || length > records.Length)
            {
                break;
            }

            ReadOnlySpan<byte> content = records[HeaderBytes..length];
            if (records[0] == FileIdRecord && content.Length >= sizeof(long))
            {
                filesystem = BinaryPrimitives.ReadInt64LittleEndian(content);
            }
            else if (records[0] == ErrorRecord && content.Length >= sizeof(int))
            {
                errno = Math.Abs(BinaryPrimitives.ReadInt32LittleEndian(content));
            }

            records = records[length..];
        }

        return new FanotifyError(filesystem, errno);
    }
}
