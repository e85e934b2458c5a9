using System.Text;
using HostBridge;
using HostBridge.Recovery;
using Protocol.Health;
using Protocol.Xenstore;
using Simulation.Engine;

namespace Simulation.World;

/// <summary>Reports that are not true.</summary>
internal static class Forgery
{
    /// <summary>A report of a guest's filesystems, all with aborted journals.</summary>
    public static GuestReport Aborted(SimulatedGuest guest, BootId boot, long sequence)
        => Of(boot, sequence, [.. guest.Filesystems.Select(one => one.Say(Verdict.JournalAborted))]);

    /// <summary>A report.</summary>
    public static GuestReport Of(BootId boot, long sequence, IReadOnlyList<FilesystemHealth> filesystems)
        => new()
        {
            BootId = boot,
            Sequence = sequence,
            AgentVersion = "0.1.0",
            State = GuestState.Of(filesystems, DateTimeOffset.UnixEpoch),
            Filesystems = filesystems,
            FilesystemCount = filesystems.Count,
        };
}

/// <summary>
/// What hostile guests write: forged boots, sequences and verdicts, answers to requests of others, garbage, floods. It
/// goes through the real codecs, so that what they let pass is what the bridge is given.
/// </summary>
internal sealed class HostileWords(SimulatedWorld world)
{
    private readonly Prng _chance = world.Chance;

    /// <summary>Those who are hostile begin.</summary>
    public void Begin()
    {
        foreach (SimulatedGuest guest in world.Guests)
        {
            if (guest.IsHostile)
            {
                GoOn(guest);
            }
        }
    }

    private void GoOn(SimulatedGuest guest)
        => world.Agenda.In(_chance.Seconds(1, 60), () =>
        {
            if (guest.IsHostile)
            {
                if (guest.Domain is not null && guest.AgentRuns)
                {
                    Speak(guest);
                }

                GoOn(guest);
            }
        });

    private void Speak(SimulatedGuest guest)
    {
        switch (_chance.Below(8))
        {
            case 0 or 1 or 2 or 3:
                SayForged(guest);
                break;
            case 4:
                for (int i = 0; i < 12; i++)
                {
                    SayForged(guest);
                }

                break;
            case 5 or 6:
                AnswerForAnother(guest);
                break;
            default:
                if (world.Bridge.Runs && guest.Domain is { } domain)
                {
                    world.Bridge.Take(new BridgeInput.ReportRejected(guest.Identity.Uuid, domain, "none of its lines can be parsed"));
                }

                break;
        }
    }

    private void SayForged(SimulatedGuest guest)
    {
        SimulatedGuest other = world.Guests[_chance.Below(world.Guests.Count)];
        BootId boot = _chance.Below(4) switch { 0 => other.Boot, 1 => Random(), _ => guest.Boot };
        long sequence = _chance.Chance(300) ? _chance.Between(1, 1_000_000) : ++guest.Sequence;
        Verdict verdict = (Verdict)_chance.Below((int)Verdict.JournalAborted + 1);
        byte[] line = Encoding.ASCII.GetBytes(ReportCodec.ToLine(guest.Root.Say(verdict), boot, sequence));
        if (_chance.Chance(300))
        {
            line[_chance.Below(line.Length)] = (byte)_chance.Below(256);
        }

        if (ReportCodec.TryParseLine(line) is { } read)
        {
            world.Report(guest, read.BootId, read.Sequence, [read.Health]);
        }
        else if (world.Bridge.Runs && guest.Domain is { } domain)
        {
            world.Bridge.Take(new BridgeInput.ReportRejected(guest.Identity.Uuid, domain, "none of its lines can be parsed"));
        }
    }

    private void AnswerForAnother(SimulatedGuest guest)
    {
        SimulatedGuest other = world.Guests[_chance.Below(world.Guests.Count)];
        if ((other.StandingRequest ?? guest.StandingRequest) is not { } request)
        {
            return;
        }

        var outcome = new RequestOutcome
        {
            Id = request.Id,
            BootId = request.BootId,
            Status = (RequestStatus)_chance.Below(4),
            Reason = (OutcomeReason)_chance.Below((int)OutcomeReason.TimedOut + 1),
            Probe = "ok",
            FsckExitCode = _chance.Chance(500) ? _chance.Below(256) : null,
        };
        if (RequestCodec.TryParseOutcome(Encoding.ASCII.GetBytes(RequestCodec.ToLine(outcome))) is { } read)
        {
            guest.StandingOutcome = read;
            world.Listener.Changed(guest);
        }
    }

    private BootId Random()
        => BootId.TryParse($"ffffffff-0000-4000-8000-{_chance.Below(1_000_000):d12}", out BootId boot) ? boot : default;
}
