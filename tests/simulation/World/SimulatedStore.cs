using HostBridge.Recovery;
using Protocol.Health;
using Simulation.Engine;

namespace Simulation.World;

/// <summary>How the durable store behaves.</summary>
internal enum StoreMood
{
    /// <summary>It writes within milliseconds.</summary>
    Works = 0,

    /// <summary>It writes within seconds.</summary>
    Slow,

    /// <summary>It answers that it cannot.</summary>
    Fails,

    /// <summary>It does not answer at all.</summary>
    Hangs,
}

/// <summary>One entry of the durable record.</summary>
internal sealed record StoreEntry(
    SimulatedGuest Guest, DomainId? Domain, TellKind Kind, string Text, IncidentFacts Facts, TimeSpan At)
{
    /// <summary>What Dom0's wall clock showed, which is all that a later bridge knows of its time.</summary>
    public required DateTimeOffset Wall { get; init; }

    /// <summary>The intent of the facts is over.</summary>
    public bool EndsIntent { get; init; }

    /// <summary>It stands until the guest is proved to be well.</summary>
    public bool Standing { get; init; }
}

/// <summary>What waits to be written: an entry, or what of a guest's filesystems is to be remembered.</summary>
internal sealed record StoreWork(SimulatedGuest Guest, StoreEntry? Entry, RecoveryAction.RememberFaulty? Faulty)
{
    /// <summary>Called with null when it is durable, otherwise with why not; null when nobody waits.</summary>
    public Action<string?>? Answer { get; init; }
}

/// <summary>
/// The durable record, written by one writer in its order. What was not written when the bridge ends is lost; what was
/// written and not answered may be there.
/// </summary>
internal sealed class SimulatedStore(Agenda agenda, Prng chance, Trace trace)
{
    private readonly Queue<StoreWork> _queue = new();

    /// <summary>What could not be written and is still as true: it is tried again once writing works.</summary>
    private readonly List<StoreWork> _unwritten = [];
    private bool _isWriting;
    private int _life;

    /// <summary>What is durable, the oldest first.</summary>
    public List<StoreEntry> Entries { get; } = [];

    /// <summary>What was faulty when each guest last listed it.</summary>
    public Dictionary<SimulatedGuest, FaultySeen> Faulty { get; } = [];

    /// <summary>The guests with a hold, and its text.</summary>
    public Dictionary<SimulatedGuest, string> Holds { get; } = [];

    /// <summary>The guests of which it refused an entry: of that entry people have the journal's line alone.</summary>
    public HashSet<SimulatedGuest> Refused { get; } = [];

    /// <summary>How it behaves.</summary>
    public StoreMood Mood { get; private set; }

    /// <summary>It behaves otherwise from now on.</summary>
    public void Become(StoreMood mood)
    {
        Mood = mood;
        if (mood is StoreMood.Works or StoreMood.Slow)
        {
            _unwritten.ForEach(_queue.Enqueue);
            _unwritten.Clear();
        }

        trace.Add(agenda.Now, "store", mood.ToString());
        if (!_isWriting)
        {
            WriteNext();
        }
    }

    /// <summary>Appends an entry.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="answer">Called with null when it is durable, otherwise with why not; null for nobody waits.</param>
    public void Append(StoreEntry entry, Action<string?>? answer)
        => Add(new StoreWork(entry.Guest, entry, Faulty: null) { Answer = answer });

    /// <summary>Remembers what was faulty.</summary>
    public void Remember(SimulatedGuest guest, RecoveryAction.RememberFaulty faulty)
        => Add(new StoreWork(guest, Entry: null, faulty));

    /// <summary>A person acknowledged: neither a hold nor what was faulty is kept.</summary>
    public void Forget(SimulatedGuest guest)
    {
        Holds.Remove(guest);
        Faulty.Remove(guest);
    }

    /// <summary>The bridge ended: what it had not handed over is lost.</summary>
    public void Lose()
    {
        _life++;
        if (_isWriting && Mood is StoreMood.Works or StoreMood.Slow && _queue.Count > 0 && chance.Chance(500))
        {
            Write(_queue.Peek());
        }

        _queue.Clear();
        _unwritten.Clear();
        _isWriting = false;
    }

    private void WriteNext()
    {
        if (_queue.Count == 0 || Mood == StoreMood.Hangs)
        {
            _isWriting = false;
            return;
        }

        _isWriting = true;
        int life = _life;
        TimeSpan takes = Mood == StoreMood.Slow ? chance.Seconds(0.5, 8) : TimeSpan.FromMilliseconds(chance.Between(1, 8));
        agenda.In(takes, () => Written(life));
    }

    private void Written(int life)
    {
        if (life != _life)
        {
            return;
        }

        if (Mood == StoreMood.Hangs)
        {
            _isWriting = false;
            return;
        }

        StoreWork work = _queue.Dequeue();
        string? failure = Mood == StoreMood.Fails ? "no space left on device" : null;
        if (failure is null)
        {
            Write(work);
        }
        else if (work.Faulty is not null)
        {
            _unwritten.Add(work);
        }
        else
        {
            Refused.Add(work.Guest);
        }

        if (work.Answer is { } answer)
        {
            agenda.In(TimeSpan.FromMilliseconds(1), () =>
            {
                if (life == _life)
                {
                    answer(failure);
                }
            });
        }

        WriteNext();
    }

    private void Add(StoreWork work)
    {
        _queue.Enqueue(work);
        if (!_isWriting)
        {
            WriteNext();
        }
    }

    private void Write(StoreWork work)
    {
        if (work.Faulty is { } faulty)
        {
            Remember(work.Guest, faulty.Faulty);
            if (faulty.EndsStanding)
            {
                Holds.Remove(work.Guest);
            }
        }
        else
        {
            Write(work.Entry!);
        }
    }

    private void Remember(SimulatedGuest guest, FaultySeen faulty)
    {
        trace.Add(
            agenda.Now,
            guest.Identity.Name,
            "remembered",
            trace.IsKept ? string.Join(' ', faulty.Filesystems.Select(one => one.MountPoint.Encoded)) : string.Empty);
        if (faulty.Filesystems.Count == 0)
        {
            Faulty.Remove(guest);
        }
        else
        {
            Faulty[guest] = faulty;
        }
    }

    private void Write(StoreEntry entry)
    {
        Entries.Add(entry);
        trace.Add(agenda.Now, entry.Guest.Identity.Name, "durable", trace.IsKept ? $"{entry.Kind} {entry.Facts.RequestId} {entry.Text}" : string.Empty);
        if (entry.Standing)
        {
            Holds[entry.Guest] = entry.Text;
        }
        else if (entry.Kind == TellKind.Proof)
        {
            Holds.Remove(entry.Guest);
        }
    }
}
