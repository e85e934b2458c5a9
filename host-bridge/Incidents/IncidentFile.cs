using System.Runtime.InteropServices;
using System.Text.Json;
using HostBridge.Recovery;

namespace HostBridge.Incidents;

/// <summary>What was read back from a state directory.</summary>
/// <param name="Guests">Every guest that something is known of.</param>
/// <param name="MalformedLines">How many lines were not understood, a torn last one included.</param>
internal sealed record RestoredIncidents(IReadOnlyList<GuestHistory> Guests, int MalformedLines);

/// <summary>
/// The state directory: <c>incidents.jsonl</c>, to which lines are only ever appended, and <c>holds/UUID</c>, one
/// file for each guest that the bridge left in the middle of an act. Used by one thread at a time; what the file
/// system refuses is thrown as <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/>.
/// </summary>
/// <param name="stateDirectory">The directory; made when it is not there.</param>
internal sealed partial class IncidentFile(string stateDirectory) : IDisposable
{
    /// <summary>Beyond this size, only what a restart needs is appended.</summary>
    public const long MaxChattyBytes = 64 * 1024 * 1024;

    private const int MaxRememberedRecoveries = 16;
    private static readonly byte[] NewLine = "\n"u8.ToArray();

    private readonly string _holdDirectory = Path.Combine(stateDirectory, "holds");
    private FileStream? _stream;

    /// <summary>The log itself.</summary>
    public string LogPath { get; } = Path.Combine(stateDirectory, "incidents.jsonl");

    /// <summary>Whether only what a restart needs is appended from now on.</summary>
    public bool IsFull => _stream is { Length: > MaxChattyBytes };

    /// <summary>
    /// Opens the directory and reads back what is there. An intent without an end becomes a hold: nobody knows
    /// whether the act was done, so a person looks first.
    /// </summary>
    public RestoredIncidents Open(DateTimeOffset now)
    {
        Directory.CreateDirectory(_holdDirectory);
        var guests = new SortedDictionary<Guid, Past>();
        int malformed = File.Exists(LogPath) ? ReadBack(guests) : 0;
        _stream = new FileStream(LogPath, FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0);
        if (_stream.Length > 0)
        {
            // The last line may be torn: the next one must not continue it. Empty lines are skipped when read.
            _stream.Write(NewLine);
        }

        foreach (Past past in guests.Values.Where(past => past.OpenIntent is not null))
        {
            Hold(past, now);
        }

        SyncDirectory(_holdDirectory);
        SyncDirectory(stateDirectory);
        return new RestoredIncidents([.. guests.Values.Select(ToHistory)], malformed);
    }

    /// <summary>Appends an entry.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="durable">Whether to return only when it survives a power cut.</param>
    public void Append(IncidentEntry entry, bool durable)
    {
        FileStream stream = _stream ?? throw new IOException($"{LogPath} is not open");
        byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(entry, IncidentJson.Default.IncidentEntry), (byte)'\n'];
        stream.Write(line);
        if (durable)
        {
            stream.Flush(flushToDisk: true);
        }
    }

    /// <summary>The guests that are held now.</summary>
    public IReadOnlySet<Guid> ReadHolds()
        => Directory.EnumerateFiles(_holdDirectory)
            .Select(path => Guid.TryParseExact(Path.GetFileName(path), "D", out Guid uuid) ? uuid : Guid.Empty)
            .Where(uuid => uuid != Guid.Empty)
            .ToHashSet();

    /// <inheritdoc/>
    public void Dispose() => _stream?.Dispose();

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
                guests[entry.Guest] = past = new Past(entry);
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
        string path = HoldPath(intent.Guest);
        string text = $"the bridge stopped in the middle of {intent.Rung} of {intent.Mount} "
            + $"(request {intent.Request}); check the guest, then remove {path}";
        using (var hold = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0))
        {
            hold.Write(System.Text.Encoding.UTF8.GetBytes($"{text}\n"));
            hold.Flush(flushToDisk: true);
        }

        Append(
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
        RecoveryState.NeedsOperator? standing = past.Standing is { } reason
            ? new RecoveryState.NeedsOperator(reason, OperatorRelease.WhenHealthy)
            : null;
        if (File.Exists(path))
        {
            string text = File.ReadLines(path).FirstOrDefault() ?? $"it is held; check it, then remove {path}";
            standing = new RecoveryState.NeedsOperator(text, OperatorRelease.WhenAcknowledged);
        }

        return new GuestHistory(past.Guest, past.Recoveries, standing);
    }

    private string HoldPath(Guid guest) => Path.Combine(_holdDirectory, guest.ToString("D"));

    /// <summary>Makes the names in a directory survive a power cut.</summary>
    private static void SyncDirectory(string path)
    {
        const int openReadOnlyDirectoryCloseOnExec = 0x0 | 0x10000 | 0x80000;
        int descriptor = Open(path, openReadOnlyDirectoryCloseOnExec);
        if (descriptor < 0)
        {
            throw new IOException($"{path} cannot be opened: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        int result = Fsync(descriptor);
        string message = Marshal.GetLastPInvokeErrorMessage();
        _ = Close(descriptor);
        if (result != 0)
        {
            throw new IOException($"{path} cannot be synchronised: {message}");
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    /// <summary>What the lines so far say of one guest.</summary>
    private sealed class Past(IncidentEntry first)
    {
        private readonly Queue<DateTimeOffset> _recoveries = new();

        public GuestIdentity Guest { get; private set; } = new(first.Guest, first.Name);

        public IncidentEntry? OpenIntent { get; private set; }

        public string? Standing { get; private set; }

        public IReadOnlyList<DateTimeOffset> Recoveries => [.. _recoveries];

        public void Take(IncidentEntry entry)
        {
            Guest = Guest with { Name = entry.Name };
            if (entry.Kind == IncidentEntry.KindName(TellKind.Intent))
            {
                OpenIntent = entry;
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
                Standing = entry.Text;
            }
        }
    }
}
