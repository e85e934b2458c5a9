using System.Globalization;
using HostBridge.Recovery;

namespace HostBridge.Correlation;

/// <summary>
/// One incident of one LUN group, from its first fault until everything is well: it keeps its clock, what it may
/// still tell, and what was told before.
/// </summary>
internal sealed class StorageIncident
{
    /// <summary>The most that one incident tells of each source, whatever happens; its end is always told.</summary>
    private const int MaxKernelEntries = 200;
    private const int MaxStorageEntries = 300;
    private const int MaxGuestEntries = 1500;
    private const int MaxEntriesPerGuest = 30;
    private const int MaxTextLength = 1000;

    private readonly DateTimeOffset _beganWall;
    private readonly string _name;
    private readonly Dictionary<string, RepeatedText> _said = new(StringComparer.Ordinal);
    private readonly Dictionary<TimelineSource, int> _counts = [];
    private readonly Dictionary<Guid, int> _guestCounts = [];
    private readonly HashSet<Guid> _waiting = [];
    private readonly List<TimelineEntry> _entries = [];

    /// <summary>Begins an incident.</summary>
    /// <param name="lunGroup">The LUN group.</param>
    /// <param name="beganAt">The moment of its first fault, on the monotonic clock.</param>
    /// <param name="now">This moment.</param>
    public StorageIncident(string lunGroup, TimeSpan beganAt, Moment now)
    {
        (LunGroup, BeganAt, BadAt, InhabitedAt) = (lunGroup, beganAt, beganAt, now.Elapsed);
        _beganWall = now.Wall - (now.Elapsed - beganAt);
        _name = string.Create(
            CultureInfo.InvariantCulture, $"{lunGroup} {_beganWall.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.fff'Z'}");
    }

    /// <summary>The LUN group.</summary>
    public string LunGroup { get; }

    /// <summary>When it began, on the monotonic clock.</summary>
    public TimeSpan BeganAt { get; }

    /// <summary>When something of the group was last found not to be well, on the monotonic clock.</summary>
    public TimeSpan BadAt { get; private set; }

    /// <summary>When a guest was last found to be on it, on the monotonic clock.</summary>
    public TimeSpan InhabitedAt { get; set; }

    /// <summary>Whether it was said that the storage is stable, and it still is.</summary>
    public bool IsSaidToBeStable { get; set; }

    /// <summary>The guests of which it was said that they are hit.</summary>
    public HashSet<Guid> Warned { get; } = [];

    /// <summary>How many entries were left out.</summary>
    public int LeftOut { get; private set; }

    /// <summary>
    /// A moment on this incident's own wall clock: Dom0's as it was when the incident began, carried on by the
    /// monotonic one, so that nobody who sets the clock meanwhile turns the order around.
    /// </summary>
    public DateTimeOffset Wall(TimeSpan at) => _beganWall + (at - BeganAt);

    /// <summary>Something of the group was not well at this moment.</summary>
    public void NoteBad(TimeSpan at)
    {
        if (at > BadAt)
        {
            BadAt = at;
        }

        IsSaidToBeStable = false;
    }

    /// <summary>A line of the kernel: the first of its shape is told, the others are counted.</summary>
    public void AddLine(HostLine line)
    {
        string shape = LineShape.Of(line.Text);
        if (_said.TryGetValue(shape, out RepeatedText? before))
        {
            before.Repeat(line.Text, line.Count, line.LastAt);
        }
        else if (HasRoom(TimelineSource.HostKernel, MaxKernelEntries))
        {
            Add(TimelineSource.HostKernel, line.At, line.Text);
            _said[shape] = new RepeatedText(TimelineSource.HostKernel, line.At);
            _said[shape].Repeat(line.Text, line.Count - 1, line.LastAt);
        }
    }

    /// <summary>The storage became another.</summary>
    /// <param name="at">When, on the monotonic clock.</param>
    /// <param name="text">What it is now.</param>
    /// <param name="isTurn">
    /// Whether it became well or ceased to be. What merely goes from one bad state to another is told once, then
    /// counted: a session that is being tried again does so every few seconds.
    /// </param>
    public void AddState(TimeSpan at, string text, bool isTurn)
    {
        if (!isTurn && _said.TryGetValue(text, out RepeatedText? before))
        {
            before.Repeat(text, 1, at);
        }
        else if (HasRoom(TimelineSource.Storage, MaxStorageEntries))
        {
            _said.TryAdd(text, new RepeatedText(TimelineSource.Storage, at));
            Add(TimelineSource.Storage, at, text);
        }
    }

    /// <summary>What a guest said, or what the bridge decided for it.</summary>
    public void AddWord(GuestWord word)
    {
        // Why it waits for its storage changes with every state of the storage, which is told already.
        bool isLeftOut = word.IsWaiting && !_waiting.Add(word.Guest.Uuid);
        int told = _guestCounts.GetValueOrDefault(word.Guest.Uuid);
        if (isLeftOut || (told >= MaxEntriesPerGuest && !word.IsNeeded))
        {
            LeftOut += isLeftOut ? 0 : 1;
        }
        else if (word.IsNeeded || HasRoom(TimelineSource.Guest, MaxGuestEntries))
        {
            _guestCounts[word.Guest.Uuid] = told + 1;
            Add(word.Source, word.At, word.Text, word.Guest);
        }
    }

    /// <summary>What the bridge holds of the incident itself: it is always told.</summary>
    public void AddVerdict(TimelineSource source, TimeSpan at, string text, IncidentTurn? turn = null)
        => Add(source, at, text, guest: null, turn);

    /// <summary>Whether it concerned a guest at all: a path that was lost beside another one may not.</summary>
    public bool ConcernsGuests => Warned.Count > 0 || _guestCounts.Count > 0;

    /// <summary>Tells how often something came again, when its time has come or when this is the end.</summary>
    public void TellRepeats(TimeSpan at, bool isEnd)
    {
        foreach (RepeatedText repeated in _said.Values)
        {
            if (repeated.Take(at, isEnd) is { } told)
            {
                string times = told.Count == 1 ? "once more" : $"{Words.Text(told.Count)} times more, the last";
                Add(repeated.Source, told.At, $"{told.Text} ({times} at {Words.Clock(Wall(told.At))})");
            }
        }
    }

    /// <summary>The entries since the last time.</summary>
    public IReadOnlyList<TimelineEntry> TakeEntries()
    {
        TimelineEntry[] taken = [.. _entries];
        _entries.Clear();
        return taken;
    }

    private bool HasRoom(TimelineSource source, int most)
    {
        int told = _counts.GetValueOrDefault(source);
        LeftOut += told < most ? 0 : 1;
        _counts[source] = Math.Min(told + 1, most);
        return told < most;
    }

    private void Add(
        TimelineSource source, TimeSpan at, string text, GuestIdentity? guest = null, IncidentTurn? turn = null)
        => _entries.Add(new TimelineEntry
        {
            Incident = _name,
            LunGroup = LunGroup,
            At = Wall(at),
            Source = source,
            Guest = guest?.Uuid,
            GuestName = guest?.Name,
            Text = text.Length > MaxTextLength ? $"{text.AsSpan(0, MaxTextLength - 3)}..." : text,
            Turn = turn,
        });
}
