namespace GuestAgent.Linux;

/// <summary>Wakes the poll loop to end it; may be set from any thread.</summary>
internal sealed class StopSignal : IDisposable
{
    private readonly WakeUp _wakeUp = new();
    private volatile bool _isSet;

    /// <summary>To poll for POLLIN.</summary>
    public int FileDescriptor => _wakeUp.FileDescriptor;

    public bool IsSet => _isSet;

    public void Set()
    {
        _isSet = true;
        _wakeUp.Set();
    }

    public void Dispose() => _wakeUp.Dispose();
}
