using System.Buffers;
using System.Buffers.Binary;
using GuestAgent.Detection;
using MessagePack;

namespace GuestAgent.Probing;

/// <summary>What the agent asks its probe process.</summary>
/// <param name="ProbeId">Comes back with the result.</param>
/// <param name="Device">The filesystem that is meant.</param>
/// <param name="MountId">The mount that is meant.</param>
/// <param name="MountPoint">The path's bytes.</param>
internal sealed record ProbeRequest(long ProbeId, DeviceNumber Device, int MountId, byte[] MountPoint)
{
    /// <summary>The device numbers of its files are not the one in the mount table.</summary>
    public bool IsBtrfs { get; init; }

    /// <summary>The folders that the probe file may lie in, as paths from the mount point; the first that is fit.</summary>
    public IReadOnlyList<byte[]> Folders { get; init; } = [[(byte)'/']];
}

/// <summary>What comes back.</summary>
internal sealed record ProbeReply(long ProbeId, DeviceNumber Device, ProbeStep Step, int Errno, long Microseconds)
{
    /// <summary>Stands in the errno's place where the file that is there was refused: it is not ours.</summary>
    public const int NoErrno = 0;

    /// <summary>Stands there where no folder is root's and writable by root alone.</summary>
    public const int NoFolder = -1;

    /// <summary>What statfs(2) said after the probe; null when it was not asked.</summary>
    public FilesystemRoom? Room { get; init; }

    /// <summary>The subvolume is read-only by its property (<see cref="BtrfsSubvolume"/>).</summary>
    public bool IsReadOnlySubvolume { get; init; }

    /// <summary>Which filesystem was written to (<see cref="FilesystemIdentity"/>); null when not known.</summary>
    public ulong? FilesystemId { get; init; }
}

/// <summary>
/// The words on the two pipes between the agent and its probe process: a length of two bytes (little endian), then
/// one MessagePack array. A frame is shorter than PIPE_BUF, so that each is written whole or not at all.
/// </summary>
internal static class ProbeFrames
{
    public const int MaxFrameBytes = 4096; // PIPE_BUF, pipe(7)

    private const int LengthBytes = 2;
    private const int RequestFields = 7;
    private const int ReplyFields = 11;
    private const long NoNumber = -1;
    private const ulong NoIdentity = 0; // a hash of 0 is as good as none

    /// <summary>The frame; null when the path is too long for one (mountinfo shows paths of any length).</summary>
    public static byte[]? Encode(ProbeRequest request)
    {
        ArrayBufferWriter<byte> buffer = NewFrame();
        var writer = new MessagePackWriter(buffer);
        writer.WriteArrayHeader(RequestFields);
        writer.Write(request.ProbeId);
        writer.Write(request.Device.Major);
        writer.Write(request.Device.Minor);
        writer.Write(request.MountId);
        writer.Write(request.MountPoint);
        writer.Write(request.IsBtrfs);
        writer.WriteArrayHeader(request.Folders.Count);
        foreach (byte[] folder in request.Folders)
        {
            writer.Write(folder);
        }

        writer.Flush();
        return buffer.WrittenCount <= MaxFrameBytes ? Finish(buffer) : null;
    }

    public static byte[] Encode(ProbeReply reply)
    {
        ArrayBufferWriter<byte> buffer = NewFrame();
        var writer = new MessagePackWriter(buffer);
        writer.WriteArrayHeader(ReplyFields);
        writer.Write(reply.ProbeId);
        writer.Write(reply.Device.Major);
        writer.Write(reply.Device.Minor);
        writer.Write((int)reply.Step);
        writer.Write(reply.Errno);
        writer.Write(reply.Microseconds);
        writer.Write(reply.Room?.FreeBytes ?? NoNumber);
        writer.Write(reply.Room?.FreeInodes ?? NoNumber);
        writer.Write(reply.Room?.IsReadOnly ?? false);
        writer.Write(reply.IsReadOnlySubvolume);
        writer.Write(reply.FilesystemId ?? NoIdentity);
        writer.Flush();
        return Finish(buffer);
    }

    /// <summary>Takes one frame off the front; false when it is not complete yet.</summary>
    public static bool TryTake(ref ReadOnlyMemory<byte> received, out ReadOnlyMemory<byte> body)
    {
        body = default;
        if (received.Length < LengthBytes)
        {
            return false;
        }

        int length = BinaryPrimitives.ReadUInt16LittleEndian(received.Span);
        if (length > MaxFrameBytes)
        {
            throw new InvalidDataException($"a probe frame of {length} bytes: the pipe carries something else");
        }

        if (received.Length < LengthBytes + length)
        {
            return false;
        }

        body = received.Slice(LengthBytes, length);
        received = received[(LengthBytes + length)..];
        return true;
    }

    public static ProbeRequest DecodeRequest(ReadOnlyMemory<byte> body)
    {
        var reader = new MessagePackReader(body);
        _ = reader.ReadArrayHeader();
        long id = reader.ReadInt64();
        var device = new DeviceNumber(reader.ReadInt32(), reader.ReadInt32());
        int mountId = reader.ReadInt32();
        byte[] path = ReadPath(ref reader);
        bool isBtrfs = reader.ReadBoolean();
        var folders = new byte[reader.ReadArrayHeader()][];
        for (int index = 0; index < folders.Length; index++)
        {
            folders[index] = ReadPath(ref reader);
        }

        return new ProbeRequest(id, device, mountId, path) { IsBtrfs = isBtrfs, Folders = folders };
    }

    private static byte[] ReadPath(ref MessagePackReader reader)
        => reader.ReadBytes() is { } bytes ? bytes.ToArray() : [];

    public static ProbeReply DecodeReply(ReadOnlyMemory<byte> body)
    {
        var reader = new MessagePackReader(body);
        _ = reader.ReadArrayHeader();
        long id = reader.ReadInt64();
        var device = new DeviceNumber(reader.ReadInt32(), reader.ReadInt32());
        var reply = new ProbeReply(id, device, (ProbeStep)reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt64());
        reply = reply with { Room = DecodeRoom(ref reader), IsReadOnlySubvolume = reader.ReadBoolean() };
        ulong identity = reader.ReadUInt64();
        return reply with { FilesystemId = identity == NoIdentity ? null : identity };
    }

    private static FilesystemRoom? DecodeRoom(ref MessagePackReader reader)
    {
        (long bytes, long inodes, bool readOnly) = (reader.ReadInt64(), reader.ReadInt64(), reader.ReadBoolean());
        return bytes == NoNumber ? null : new FilesystemRoom(bytes, inodes == NoNumber ? null : inodes, readOnly);
    }

    private static ArrayBufferWriter<byte> NewFrame()
    {
        var buffer = new ArrayBufferWriter<byte>();
        buffer.GetSpan(LengthBytes)[..LengthBytes].Clear();
        buffer.Advance(LengthBytes);
        return buffer;
    }

    private static byte[] Finish(ArrayBufferWriter<byte> buffer)
    {
        byte[] frame = buffer.WrittenSpan.ToArray();
        BinaryPrimitives.WriteUInt16LittleEndian(frame, checked((ushort)(frame.Length - LengthBytes)));
        return frame;
    }
}
