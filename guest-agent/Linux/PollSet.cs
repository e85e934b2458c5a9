namespace GuestAgent.Linux;

/// <summary>The descriptors that the poll loop waits for, set up anew each turn: there are two dozen at most.</summary>
internal sealed unsafe class PollSet
{
    public const short In = 1; // POLLIN, poll.h
    public const short Priority = 2;
    public const short Out = 4;

    private const short Invalid = 0x20; // POLLNVAL
    private const int MaxEntries = 24;

    private readonly Libc.PollEntry[] _entries = new Libc.PollEntry[MaxEntries];
    private int _count;

    public void Clear() => _count = 0;

    /// <summary>Adds a descriptor; −1 is one that is not there now and is left out.</summary>
    public void Add(int fileDescriptor, short events)
    {
        if (fileDescriptor >= 0)
        {
            _entries[_count++] = new Libc.PollEntry { FileDescriptor = fileDescriptor, Events = events };
        }
    }

    /// <summary>
    /// Waits until something happens or the time is over. Throws <see cref="IOException"/> when poll(2) cannot wait for
    /// these descriptors at all: a loop that goes on would take a whole processor.
    /// </summary>
    public void Wait(TimeSpan limit)
    {
        int limitMs = (int)Math.Clamp(Math.Ceiling(limit.TotalMilliseconds), 0, int.MaxValue);
        int result;
        fixed (Libc.PollEntry* entries = _entries)
        {
            result = Libc.Poll(entries, (nuint)_count, limitMs);
        }

        if (result < 0 && LastErrno.Name != "EINTR")
        {
            throw new IOException($"poll failed ({LastErrno.Name})");
        }

        foreach (Libc.PollEntry one in _entries.AsSpan(0, result > 0 ? _count : 0))
        {
            if ((one.Returned & Invalid) != 0)
            {
                throw new IOException($"descriptor {one.FileDescriptor} is waited for and not open");
            }
        }
    }

    /// <summary>Whether anything happened on a descriptor, an error or the other end's close included.</summary>
    public bool Happened(int fileDescriptor)
    {
        foreach (Libc.PollEntry one in _entries.AsSpan(0, _count))
        {
            if (one.FileDescriptor == fileDescriptor && one.Returned != 0)
            {
                return true;
            }
        }

        return false;
    }
}
