using System.Text.Encodings.Web;
using System.Text.Json;
using HostBridge.Correlation;
using HostBridge.Recovery;
using Microsoft.Win32.SafeHandles;
using Protocol.Health;

namespace HostBridge.Incidents;

/// <summary>What was read back from a state directory.</summary>
/// <param name="Guests">Every guest that something is known of.</param>
/// <param name="MalformedLines">How many lines were not understood, a torn last one included.</param>
internal sealed record RestoredIncidents(IReadOnlyList<GuestHistory> Guests, int MalformedLines);

/// <summary>
/// The state directory: <c>incidents.jsonl</c>, to which lines are only ever appended, and <c>holds/UUID</c>, one
/// file for each guest that the bridge left in the middle of an act or in vain; a person who removes it acknowledges.
/// Used by one thread at a time, and by one process: who opens it holds <see cref="StateLock"/>. What the file system
/// refuses is thrown as <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/>.
/// </summary>
/// <param name="stateDirectory">The directory; made when it is not there.</param>
internal sealed class IncidentFile(string stateDirectory) : IDisposable
{
    /// <summary>Beyond this size, only what a restart needs is appended.</summary>
    public const long MaxChattyBytes = 64 * 1024 * 1024;

    private const int MaxRememberedRecoveries = 16;
    private static readonly byte[] NewLine = "\n"u8.ToArray();

    /// <summary>
    /// The text is no part of a page, so quotes and angle brackets need not become six bytes each; control characters
    /// are escaped all the same.
    /// </summary>
    private static readonly IncidentJson Json = new(new JsonSerializerOptions(IncidentJson.Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    private readonly string _holdDirectory = Path.Combine(stateDirectory, "holds");
    private readonly HashSet<Guid> _held = [];
    private StateLock? _lock;
    private SafeFileHandle? _log;
    private bool _isLineTorn;

    /// <summary>The log itself.</summary>
    public string LogPath { get; } = Path.Combine(stateDirectory, "incidents.jsonl");

    /// <summary>The timelines of storage incidents; nothing in it is needed by a restart.</summary>
    public string TimelinePath { get; } = TimelineIn(stateDirectory);

    /// <summary>Whether only what a restart needs is appended from now on.</summary>
    public bool IsFull => _log is { } log && RandomAccess.GetLength(log) > MaxChattyBytes;

    /// <summary>
    /// Takes the directory for this process. Null when that went well; otherwise which other process has it and what
    /// to do, for a person.
    /// </summary>
    public string? Claim()
    {
        string? refusal = null;
        _lock ??= StateLock.TryTake(stateDirectory, out refusal);
        return refusal;
    }

    /// <summary>
    /// Opens the directory and reads back what is there. An intent without an end becomes a hold: nobody knows
    /// whether the act was done, so a person looks first.
    /// </summary>
    public RestoredIncidents Open(DateTimeOffset now)
    {
        if (Claim() is { } refusal)
        {
            throw new IOException(refusal);
        }

        Directory.CreateDirectory(_holdDirectory);
        var guests = new SortedDictionary<Guid, Past>();
        int malformed = File.Exists(LogPath) ? ReadBack(guests) : 0;
        _log = StateFiles.OpenForAppending(LogPath);
        // The last line may be torn: the next one must not continue it. Empty lines are skipped when read.
        _isLineTorn = RandomAccess.GetLength(_log) > 0;

        foreach (Past past in guests.Values.Where(past => past.OpenIntent is not null))
        {
            Hold(past, now);
        }

        StateFiles.SyncDirectory(_holdDirectory);
        StateFiles.SyncDirectory(stateDirectory);
        _held.UnionWith(ReadHolds());
        foreach (Guid held in _held.Where(held => !guests.ContainsKey(held)))
        {
            // The log was moved away, the hold was not.
            guests[held] = new Past(new GuestIdentity(held, held.ToString("D")));
        }

        return new RestoredIncidents([.. guests.Values.Select(ToHistory)], malformed);
    }

    /// <summary>
    /// Appends an entry, and keeps the guest's hold with it: what stands is held before it is written, so that
    /// no crash in between loses it, and a proof ends the hold.
    /// </summary>
    /// <param name="entry">The entry.</param>
    /// <param name="durable">Whether to return only when it survives a power cut.</param>
    public void Append(IncidentEntry entry, bool durable)
    {
        if (entry.Standing == true)
        {
            WriteHold(
                entry.Guest,
                $"{entry.Text}; this ends by itself when {entry.Mount ?? "everything"} is seen well again, "
                    + $"otherwise check the guest, then remove {HoldPath(entry.Guest)}");
        }

        AppendLine(entry, durable);
        if (entry.Kind == IncidentEntry.KindName(TellKind.Proof) && _held.Remove(entry.Guest))
        {
            File.Delete(HoldPath(entry.Guest));
        }
    }

    /// <summary>Appends a moment of a storage incident, as long as the file is not too long.</summary>
    public void Append(TimelineEntry entry)
    {
        using FileStream file = new(TimelinePath, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
        if (file.Length <= MaxChattyBytes)
        {
            file.Write([.. JsonSerializer.SerializeToUtf8Bytes(entry, Json.TimelineEntry), .. NewLine]);
        }
    }

    /// <summary>Where the timelines of a state directory lie.</summary>
    public static string TimelineIn(string stateDirectory) => Path.Combine(stateDirectory, "timelines.jsonl");

    /// <summary>A line of that file; null when it is torn.</summary>
    public static TimelineEntry? TryParseMoment(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, IncidentJson.Default.TimelineEntry);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The guests whose holds a person removed since the last time.</summary>
    public IReadOnlyCollection<Guid> TakeReleased()
    {
        if (!File.Exists(LogPath))
        {
            // With the whole directory gone, an unmounted one for example, nobody acknowledged anything.
            throw new IOException($"{LogPath} is gone");
        }

        List<Guid> released = [.. _held.Except(ReadHolds())];
        _held.ExceptWith(released);
        return released;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _log?.Dispose();
        _lock?.Dispose();
    }

    private void AppendLine(IncidentEntry entry, bool durable)
    {
        SafeFileHandle log = _log ?? throw new IOException($"{LogPath} is not open");
        if (durable && !File.Exists(LogPath))
        {
            throw new IOException($"{LogPath} was moved away or removed; restart host-bridge");
        }

        byte[] json = JsonSerializer.SerializeToUtf8Bytes(entry, Json.IncidentEntry);
        byte[] line = [.. _isLineTorn ? NewLine : [], .. json, .. NewLine];
        // A disk that becomes full in the middle of it leaves a torn line as well.
        _isLineTorn = true;
        // The offset is without effect: Linux appends what is written to a file opened with O_APPEND (pwrite(2)).
        RandomAccess.Write(log, line, fileOffset: 0);
        _isLineTorn = false;
        if (durable)
        {
            RandomAccess.FlushToDisk(log);
        }
    }

    private HashSet<Guid> ReadHolds()
        => Directory.EnumerateFiles(_holdDirectory)
            .Select(path => Guid.TryParseExact(Path.GetFileName(path), "D", out Guid uuid) ? uuid : Guid.Empty)
            .Where(uuid => uuid != Guid.Empty)
            .ToHashSet();

    private int ReadBack(SortedDictionary<Guid, Past> guests)
    {
        int malformed = 0;
        foreach (string line in File.ReadLines(LogPath).Where(line => line.Length > 0))
        {
            IncidentEntry? entry = TryParse(line);
            if (entry is null)
            {
                malformed++;
                continue;
            }

            if (!guests.TryGetValue(entry.Guest, out Past? past))
            {
                guests[entry.Guest] = past = new Past(new GuestIdentity(entry.Guest, entry.Name));
            }

            past.Take(entry);
        }

        return malformed;
    }

    private static IncidentEntry? TryParse(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, IncidentJson.Default.IncidentEntry);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private void Hold(Past past, DateTimeOffset now)
    {
        IncidentEntry intent = past.OpenIntent!;
        string text = $"the bridge stopped in the middle of {intent.Rung} of {intent.Mount} "
            + $"(request {intent.Request}); check the guest, then remove {HoldPath(intent.Guest)}";
        WriteHold(intent.Guest, text);
        AppendLine(
            intent with
            {
                Time = now,
                Kind = IncidentEntry.KindName(TellKind.Operator),
                Text = text,
                EndsIntent = true,
            },
            durable: true);
    }

    private GuestHistory ToHistory(Past past)
    {
        string path = HoldPath(past.Guest.Uuid);
        string text = File.Exists(path)
            ? File.ReadLines(path).FirstOrDefault() ?? $"it is held; check it, then remove {path}"
            : string.Empty;
        RecoveryState.NeedsOperator? standing = past.Standing switch
        {
            // Whoever removed the file while the bridge did not run acknowledged as well.
            _ when text.Length == 0 => null,
            { } entry => new RecoveryState.NeedsOperator(
                entry.Text,
                OperatorRelease.WhenHealthy,
                MountPoint.TryParse(entry.Mount ?? string.Empty, out MountPoint mount) ? mount : null),
            null => new RecoveryState.NeedsOperator(text, OperatorRelease.WhenAcknowledged),
        };
        return new GuestHistory(past.Guest, past.Recoveries, standing);
    }

    private void WriteHold(Guid guest, string text)
    {
        string path = HoldPath(guest);
        using (var hold = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0))
        {
            hold.Write(System.Text.Encoding.UTF8.GetBytes($"{text}\n"));
            hold.Flush(flushToDisk: true);
        }

        StateFiles.SyncDirectory(_holdDirectory);
        _held.Add(guest);
    }

    private string HoldPath(Guid guest) => Path.Combine(_holdDirectory, guest.ToString("D"));

    /// <summary>What the lines so far say of one guest.</summary>
    private sealed class Past(GuestIdentity guest)
    {
        private readonly Queue<DateTimeOffset> _recoveries = new();

        public GuestIdentity Guest { get; private set; } = guest;

        public IncidentEntry? OpenIntent { get; private set; }

        public IncidentEntry? Standing { get; private set; }

        public IReadOnlyList<DateTimeOffset> Recoveries => [.. _recoveries];

        public void Take(IncidentEntry entry)
        {
            Guest = Guest with { Name = entry.Name };
            if (entry.Kind == IncidentEntry.KindName(TellKind.Intent))
            {
                OpenIntent = entry;
                // Nothing is begun while something stands: what stood was acknowledged.
                Standing = null;
                _recoveries.Enqueue(entry.Time);
                if (_recoveries.Count > MaxRememberedRecoveries)
                {
                    _recoveries.Dequeue();
                }
            }

            if (entry.EndsIntent == true && entry.Request == OpenIntent?.Request)
            {
                OpenIntent = null;
            }

            if (entry.Kind == IncidentEntry.KindName(TellKind.Proof))
            {
                Standing = null;
            }
            else if (entry.Standing == true)
            {
                Standing = entry;
            }
        }
    }
}
