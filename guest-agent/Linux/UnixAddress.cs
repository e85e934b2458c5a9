using System.Buffers.Binary;
using System.Text;

namespace GuestAgent.Linux;

/// <summary>The address of a unix socket as the kernel takes it: <c>struct sockaddr_un</c>, unix(7).</summary>
internal static class UnixAddress
{
    private const int FamilySizeBytes = sizeof(ushort);
    private const int MaxPathBytes = 108;

    /// <summary>
    /// The address of a path, or of an abstract name where it begins with <c>@</c>, as in NOTIFY_SOCKET; null when
    /// it is empty or too long.
    /// </summary>
    public static byte[]? TryMake(string path)
    {
        byte[] name = Encoding.UTF8.GetBytes(path);
        if (name.Length is 0 or >= MaxPathBytes)
        {
            return null;
        }

        bool isAbstract = name[0] == '@';
        if (isAbstract)
        {
            name[0] = 0;
        }

        // A path ends with NUL; an abstract name ends where the address ends.
        var address = new byte[FamilySizeBytes + name.Length + (isAbstract ? 0 : 1)];
        BinaryPrimitives.WriteUInt16LittleEndian(address, Libc.FamilyUnix);
        name.CopyTo(address, FamilySizeBytes);
        return address;
    }
}
