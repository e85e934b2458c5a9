using System.Runtime.InteropServices;

namespace HostBridge.Storage;

/// <summary>Wakes a thread that waits in poll(2) for descriptors. Setting it twice wakes once.</summary>
internal sealed unsafe class WakeUp : IDisposable
{
    private readonly Lock _lock = new();
    private int _file;

    /// <summary>Throws <see cref="IOException"/> where there is no eventfd: nobody could be woken.</summary>
    public WakeUp()
    {
        _file = Libc.EventFile(0, Libc.EventNonBlocking | Libc.EventCloseOnExec);
        if (_file < 0)
        {
            throw new IOException($"no eventfd ({Libc.NameOf(Marshal.GetLastPInvokeError())})");
        }
    }

    /// <summary>To poll for POLLIN.</summary>
    public int FileDescriptor => _file;

    /// <summary>Wakes; may be called by any thread, at any time.</summary>
    public void Set()
    {
        lock (_lock)
        {
            ulong one = 1;
            if (_file >= 0)
            {
                _ = Libc.Write(_file, (byte*)&one, sizeof(ulong));
            }
        }
    }

    /// <summary>Takes the waking back; whether it was set.</summary>
    public bool Clear()
    {
        ulong count;
        return Libc.Read(_file, (byte*)&count, sizeof(ulong)) > 0;
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_file >= 0)
            {
                _ = Libc.Close(_file);
                _file = -1;
            }
        }
    }
}
