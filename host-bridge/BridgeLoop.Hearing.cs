using HostBridge.Recovery;

namespace HostBridge;

/// <summary>The part that takes in which domains there are, and what is heard of them.</summary>
internal sealed partial class BridgeLoop
{
    /// <summary>How many rejections of one domain are told, per <see cref="RejectionWindow"/>.</summary>
    private const int MaxToldRejections = 3;

    /// <summary>Logs of guests that are gone stay for long; theirs are of no use.</summary>
    private const int MaxEarlyConsoles = 4096;

    private static readonly TimeSpan RejectionWindow = TimeSpan.FromMinutes(10);

    private readonly Dictionary<DomainId, Rejections> _rejections = [];
    private readonly Dictionary<string, ConsoleSign> _earlyConsoles = new(StringComparer.Ordinal);

    private void See(BridgeInput.GuestSeen seen, Moment now)
    {
        DomainId? before = _registry.Find(seen.Guest.Uuid)?.Domain;
        if (!_registry.TryPlace(seen.Guest, seen.Domain, seen.Disks))
        {
            Give(seen.Guest.Uuid, new RecoveryInput.TwinSeen(seen.Domain), now);
            return;
        }

        if (before != seen.Domain)
        {
            if (_lastDomains.Remove(seen.Guest.Uuid, out DomainId last) && last != seen.Domain)
            {
                _disks.Forget(last);
            }

            Give(seen.Guest.Uuid, new RecoveryInput.DomainAppeared(seen.Domain), now);
        }

        if (_earlyConsoles.Remove(seen.Guest.Name, out ConsoleSign? sign))
        {
            Give(seen.Guest.Uuid, new RecoveryInput.ConsoleSaid(sign), now);
        }

        JudgeStorage(_registry.Find(seen.Guest.Uuid)!, now);
    }

    private void Lose(BridgeInput.GuestGone gone, Moment now)
    {
        _rejections.Remove(gone.Domain);
        Carriers.Forget(gone.Guest);
        bool isItsDomain = _registry.Find(gone.Guest)?.Domain == gone.Domain;
        Give(gone.Guest, new RecoveryInput.TwinGone(gone.Domain), now);
        Give(gone.Guest, gone.Domain, new RecoveryInput.DomainGone(), now);
        if (isItsDomain && _registry.Find(gone.Guest) is { State.IsInFlight: true })
        {
            _lastDomains[gone.Guest] = gone.Domain;
        }
        else
        {
            _disks.Forget(gone.Domain);
        }
    }

    private void TakeReport(BridgeInput.ReportRead read, Moment now)
    {
        if (_registry.Find(read.Guest)?.Domain == read.Domain
            && Carriers.Take(read.Guest, read.Carrier, read.Report, read.IsNew, now.Elapsed) is { } report)
        {
            Give(read.Guest, new RecoveryInput.ReportReceived(report, read.IsNew), now);
        }
    }

    /// <summary>A log is found by the guest's name alone, so a name that two guests have means neither.</summary>
    private void TakeConsole(BridgeInput.ConsoleRead read, Moment now)
    {
        List<GuestRecord> named =
            [.. _registry.Guests.Where(guest => guest.Domain is not null && guest.Identity.Name == read.GuestName)];
        if (named is [var only])
        {
            Give(only.Identity.Uuid, new RecoveryInput.ConsoleSaid(read.Sign), now);
        }
        else if (named.Count == 0 && (_earlyConsoles.Count < MaxEarlyConsoles || _earlyConsoles.ContainsKey(read.GuestName)))
        {
            // Its log is read before its domain is: the worst of its last boot is kept for it.
            _earlyConsoles[read.GuestName] = ConsoleSign.Worse(_earlyConsoles.GetValueOrDefault(read.GuestName), read.Sign);
        }
    }

    private void TellRejection(BridgeInput.ReportRejected rejected, Moment now)
    {
        if (_registry.Find(rejected.Guest) is not { } guest || guest.Domain != rejected.Domain)
        {
            return;
        }

        Rejections before = _rejections.GetValueOrDefault(rejected.Domain) ?? new Rejections(now.Elapsed, 0);
        Rejections after = now.Elapsed - before.Since >= RejectionWindow
            ? new Rejections(now.Elapsed, 1)
            : before with { Count = before.Count + 1 };
        _rejections[rejected.Domain] = after;
        if (after.Count <= MaxToldRejections)
        {
            string more = after.Count == MaxToldRejections
                ? $"; more of them are not told for {RejectionWindow.TotalMinutes:0} min"
                : string.Empty;
            _effects.Add(new BridgeEffect(
                guest.Identity,
                guest.Domain,
                new RecoveryAction.Tell(
                    TellKind.Report,
                    $"what it wrote is left out: {rejected.Reason}; look at its agent{more}",
                    IncidentFacts.None)));
        }
    }

    private sealed record Rejections(TimeSpan Since, int Count);
}
