using GuestAgent.Detection;
using Protocol.Health;

namespace GuestAgent.Requests;

/// <summary>The ways on which a request can come.</summary>
internal enum RequestCarrier
{
    Xenstore = 0,
    Channel,
}

/// <summary>
/// The host's request, as the carriers bring it: the same one may come over both, and one of them may be stuck with an
/// older one. The one that came last counts; it is taken away when no carrier has it any more.
/// </summary>
internal sealed class RequestInbox
{
    private readonly GuestRequest?[] _held = new GuestRequest?[Enum.GetValues<RequestCarrier>().Length];

    /// <summary>The request; null when there is none.</summary>
    public GuestRequest? Waiting { get; private set; }

    /// <summary>When it was first seen: its lifetime begins there.</summary>
    public Moment Since { get; private set; }

    /// <summary>A carrier holds this now, or nothing. True when the request that counted is taken away.</summary>
    public bool Take(RequestCarrier carrier, GuestRequest? request, Moment now)
    {
        bool isKnown = request is not null && _held.Any(one => one?.Id == request.Id);
        _held[(int)carrier] = request;
        if (request is not null)
        {
            (Waiting, Since) = isKnown ? (Waiting, Since) : (request, now);
            return false;
        }

        if (Waiting is null || _held.Any(one => one?.Id == Waiting.Id))
        {
            return false;
        }

        Waiting = null;
        return true;
    }
}
