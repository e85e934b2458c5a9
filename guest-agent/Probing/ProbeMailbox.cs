using System.Diagnostics.CodeAnalysis;

namespace GuestAgent.Probing;

/// <summary>
/// Where the next probe of a filesystem waits for the thread that makes it. There is room for one, and a newer one
/// replaces it: the agent waits for the newest alone. Whoever takes sleeps at once; a collection of the library spins
/// before it sleeps, at each probe longer than the probe works.
/// </summary>
internal sealed class ProbeMailbox
{
    // Monitor's own: System.Threading.Lock has no Wait and Pulse.
    [SuppressMessage("Style", "IDE0330", Justification = "Monitor.Wait needs an object.")]
    private readonly object _gate = new();
    private ProbeRequest? _newest;
    private bool _isClosed;

    /// <summary>Puts a request in; one that nobody has taken is lost.</summary>
    public void Put(ProbeRequest request)
    {
        lock (_gate)
        {
            _newest = request;
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Nothing more is put in.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Waits for a request and takes it; null once it is closed and empty.</summary>
    public ProbeRequest? Take()
    {
        lock (_gate)
        {
            while (_newest is null && !_isClosed)
            {
                Monitor.Wait(_gate);
            }

            ProbeRequest? request = _newest;
            _newest = null;
            return request;
        }
    }
}
