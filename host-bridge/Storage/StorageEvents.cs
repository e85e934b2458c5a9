using System.Runtime.InteropServices;
using HostBridge.Storage.Judging;
using HostBridge.Storage.Parsing;

namespace HostBridge.Storage;

/// <summary>
/// Everything by which the host says that its storage changed: the kernel's log, its uevents, and whoever sets the
/// wake-up. It only says when to look; what the kernel's log says of faults is remembered as evidence.
/// </summary>
/// <param name="kernelLog">The kernel's log; null where it cannot be read.</param>
/// <param name="uevents">The kernel's uevents; null where there are none.</param>
/// <param name="wake">Set by everyone else who knows of a change.</param>
/// <param name="answered">Set when a direct read was answered, which alone is not worth a look.</param>
/// <param name="faults">Where faults are remembered.</param>
/// <param name="lines">Where what the kernel said is kept until somebody tells it.</param>
/// <param name="clock">The clock.</param>
internal sealed unsafe class StorageEvents(
    KernelLog? kernelLog, UeventSocket? uevents, WakeUp wake, WakeUp answered, KernelFaults faults,
    LineInbox lines, BridgeClock clock)
{
    private const int DescriptorCount = 4;

    /// <summary>How often what could not be read any more is opened again.</summary>
    private static readonly TimeSpan ReopenInterval = TimeSpan.FromSeconds(60);

    private TimeSpan _reopenAt = TimeSpan.MaxValue;

    /// <summary>Which of the two is not read any more, and why, for people; empty while both are.</summary>
    public string Trouble => string.Join(", ", ((string?[])[kernelLog?.Trouble, uevents?.Trouble]).OfType<string>());

    /// <summary>
    /// Waits until something happened or the time is over; whether it is worth a look at the storage.
    /// </summary>
    public bool Wait(TimeSpan limit)
    {
        // poll(2) passes over a negative descriptor.
        Libc.PollEntry* entries = stackalloc Libc.PollEntry[DescriptorCount]
        {
            new() { File = wake.FileDescriptor, Events = Libc.PollIn },
            new() { File = answered.FileDescriptor, Events = Libc.PollIn },
            new() { File = kernelLog?.FileDescriptor ?? -1, Events = Libc.PollIn },
            new() { File = uevents?.FileDescriptor ?? -1, Events = Libc.PollIn },
        };
        int timeoutMs = (int)Math.Ceiling(Math.Max(0, limit.TotalMilliseconds));
        int ready = Libc.Poll(entries, DescriptorCount, timeoutMs);
        if (ready < 0 && Marshal.GetLastPInvokeError() is var errno and not Libc.Interrupted)
        {
            // It would be asked again at once, for ever.
            throw new IOException($"poll failed ({Libc.NameOf(errno)})");
        }

        return ready > 0 && Take();
    }

    /// <summary>Takes in what is there; whether any of it is worth a look at the storage.</summary>
    public bool Take()
    {
        bool isWorthALook = wake.Clear();
        answered.Clear();
        TimeSpan now = clock.Now.Elapsed;
        foreach (KernelRecord record in kernelLog?.Read() ?? [])
        {
            if (StorageLines.Understand(record) is { } line)
            {
                // The two clocks differ a little, and nothing is logged before it happens.
                TimeSpan at = clock.ElapsedAtBootTime(record.At);
                at = at < now ? at : now;
                faults.Take(line, at);
                lines.Add(line, at);
                isWorthALook = true;
            }
        }

        foreach (StorageLine line in uevents?.Read() ?? [])
        {
            faults.Take(line, now);
            isWorthALook = true;
        }

        return isWorthALook;
    }

    /// <summary>Opens again what could not be read any more, once a minute.</summary>
    public void Reopen(TimeSpan now)
    {
        if (Trouble.Length == 0)
        {
            _reopenAt = TimeSpan.MaxValue;
        }
        else if (_reopenAt == TimeSpan.MaxValue)
        {
            _reopenAt = now + ReopenInterval;
        }
        else if (now >= _reopenAt)
        {
            _reopenAt = now + ReopenInterval;
            kernelLog?.TryReopen();
            uevents?.TryReopen();
        }
    }
}
