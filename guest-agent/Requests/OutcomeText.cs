using Protocol.Health;

namespace GuestAgent.Requests;

/// <summary>A request and its answer in words, for this guest's own log.</summary>
internal static class OutcomeText
{
    /// <summary><c>the host asks to reboot for /: accepted</c>.</summary>
    /// <param name="outcome">The answer.</param>
    /// <param name="request">The request; null when it is known no more.</param>
    public static string Of(RequestOutcome outcome, GuestRequest? request)
    {
        string asked = request is null
            ? $"the host's request {outcome.Id}"
            : $"the host asks to {RequestWords.Actions.ToName(request.Action)} {request.Filesystem.Encoded}";
        string reason = outcome.Reason == OutcomeReason.None
            ? string.Empty
            : $", {RequestWords.Reasons.ToName(outcome.Reason)}";
        return $"{asked}: {RequestWords.Statuses.ToName(outcome.Status)}{reason}";
    }
}
