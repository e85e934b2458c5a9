namespace GuestAgent.Linux;

/// <summary>The descriptors that the poll loop waits for, set up anew each turn: there are two dozen at most.</summary>
internal sealed unsafe class PollSet
{
    public const short In = 1; // POLLIN, poll.h
    public const short Priority = 2;
    public const short Out = 4;

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

    /// <summary>Waits until something happens or the time is over.</summary>
    public void Wait(TimeSpan limit)
    {
        int limitMs = (int)Math.Clamp(Math.Ceiling(limit.TotalMilliseconds), 0, int.MaxValue);
        fixed (Libc.PollEntry* entries = _entries)
        {
            _ = Libc.Poll(entries, (nuint)_count, limitMs);
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
