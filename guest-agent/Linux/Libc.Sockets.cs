using System.Runtime.InteropServices;

namespace GuestAgent.Linux;

/// <content>Unix sockets: no class of the framework's, which would start threads of its own.</content>
internal static unsafe partial class Libc
{
    public const int FamilyUnix = 1; // AF_UNIX, sys/socket.h
    public const int SocketStream = 1;
    public const int SocketDatagram = 2;
    public const int SocketNonBlocking = 0x800;
    public const int SocketCloseOnExec = 0x80000;
    public const int SendWithoutSignal = 0x4000; // MSG_NOSIGNAL

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    public static partial int Socket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    public static partial int Bind(int socket, byte* address, uint addressSizeBytes);

    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    public static partial int Listen(int socket, int backlog);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    public static partial int Accept(int socket, byte* address, uint* addressSizeBytes, int flags);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    public static partial int Connect(int socket, byte* address, uint addressSizeBytes);

    [LibraryImport("libc", EntryPoint = "sendto", SetLastError = true)]
    public static partial nint SendTo(
        int socket, byte* data, nuint sizeBytes, int flags, byte* address, uint addressSizeBytes);
}
