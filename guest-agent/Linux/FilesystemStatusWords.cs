namespace GuestAgent.Linux;

/// <summary>Where the fields of struct statfs stand on a 64-bit machine, in words of 8 bytes (bits/statfs.h).</summary>
internal static class FilesystemStatusWords
{
    public const int Count = 64; // struct statfs is 15 words
    public const int Type = 0;
    public const int BlockSize = 1;
    public const int BlocksAvailable = 4;
    public const int Files = 5;
    public const int FilesFree = 6;
    public const int FilesystemId = 7;
    public const int FragmentSize = 9;
    public const int Flags = 10;

    public const long ReadOnly = 1; // ST_RDONLY, sys/statvfs.h
}
