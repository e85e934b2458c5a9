using GuestAgent.Detection;
using GuestAgent.Inquiries;
using GuestAgent.Linux;
using Mono.Unix.Native;

namespace GuestAgent.Reporting.Carriers;

/// <summary>
/// <c>/run/guest-agent/socket</c>, for root alone: questions of the <c>status</c> and <c>probe</c> commands and of
/// monitoring, answered by the poll loop itself. A handful of clients at once; nobody is waited for.
/// </summary>
internal sealed unsafe class StatusSocket : IDisposable
{
    /// <summary>More are turned away at once.</summary>
    public const int MaxClients = 4;

    private const string Name = "socket";

    /// <summary>After an accept(2) that failed, as without a descriptor to give (EMFILE).</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(1);

    private readonly List<StatusClient> _clients = [];
    private readonly string _path;
    private int _listener = -1;
    private Moment? _acceptAgainAt;
    private long _lastId;

    /// <summary>Opens it. <see cref="Trouble"/> says why there is none.</summary>
    /// <param name="folder">The folder, which is there, on a tmpfs; null when there is none to use.</param>
    public StatusSocket(string? folder)
    {
        _path = PathIn(folder ?? string.Empty);
        if (folder is not null)
        {
            Trouble = Open();
        }
    }

    /// <summary>Why nobody can ask; null when they can, or when the folder's own trouble was told.</summary>
    public string? Trouble { get; }

    /// <summary>
    /// When a client that does nothing is dropped, or the listener is asked again; null while neither is due.
    /// </summary>
    public Moment? Due => _clients.Select(one => one.DropAt).Append(_acceptAgainAt).OfType<Moment>()
        .OrderBy(one => one.SinceBoot).Cast<Moment?>().FirstOrDefault();

    /// <summary>Why no connection could be taken just now; null while they can. It is said once.</summary>
    public string? AcceptTrouble { get; private set; }

    /// <summary>Where it lies in a folder.</summary>
    public static string PathIn(string folder) => $"{folder}/{Name}";

    /// <summary>Adds what is to be waited for.</summary>
    public void AddTo(PollSet poll)
    {
        poll.Add(_acceptAgainAt is null ? _listener : -1, PollSet.In);
        foreach (StatusClient one in _clients)
        {
            poll.Add(one.FileDescriptor, one.Events);
        }
    }

    /// <summary>Takes what has come; the questions that are whole.</summary>
    public List<AgentInput> Turn(PollSet poll, Moment now)
    {
        var inputs = new List<AgentInput>();
        foreach (StatusClient one in _clients.Where(one => poll.Happened(one.FileDescriptor)))
        {
            if (one.Turn() is { } line)
            {
                inputs.Add(new AgentInput.Asked(one.Id, Inquiry.TryParse(line.Span)));
            }
        }

        DropFinished(now);
        if (poll.Happened(_listener) || _acceptAgainAt?.HasCome(now) == true)
        {
            Accept(now);
        }

        return inputs;
    }

    /// <summary>Answers a client; one that has gone meanwhile is no trouble.</summary>
    public void Answer(long clientId, byte[] answer, Moment now)
    {
        _clients.Find(one => one.Id == clientId)?.Answer(answer, now);
        DropFinished(now);
    }

    public void Dispose()
    {
        _clients.ForEach(one => one.Dispose());
        if (_listener >= 0)
        {
            _ = Syscall.close(_listener);
            _ = Syscall.unlink(_path);
        }
    }

    private void DropFinished(Moment now)
    {
        foreach (StatusClient one in _clients.Where(one => IsFinished(one, now)))
        {
            one.Dispose();
        }

        _clients.RemoveAll(one => IsFinished(one, now));
    }

    private static bool IsFinished(StatusClient one, Moment now) => one.IsOver || one.DropAt?.HasCome(now) == true;

    /// <summary>
    /// Bound beside and renamed: what an agent before this one left is replaced, and nobody can connect before only
    /// root can.
    /// </summary>
    private string? Open()
    {
        string beside = $"{_path}.new";
        if (UnixAddress.TryMake(beside) is not { } address)
        {
            return $"{_path} is too long for a socket: nobody can ask; use a shorter --status-directory";
        }

        _ = Syscall.unlink(beside);
        const int type = Libc.SocketStream | Libc.SocketNonBlocking | Libc.SocketCloseOnExec;
        _listener = Libc.Socket(Libc.FamilyUnix, type, 0);
        fixed (byte* start = address)
        {
            if (_listener >= 0
                && Libc.Bind(_listener, start, (uint)address.Length) == 0
                && Syscall.chmod(beside, FilePermissions.S_IRUSR | FilePermissions.S_IWUSR) == 0
                && Libc.Listen(_listener, MaxClients) == 0
                && Stdlib.rename(beside, _path) == 0)
            {
                return null;
            }
        }

        string trouble = $"{_path} cannot be opened ({LastErrno.Name}): guest-agent status and probe get no answer";
        _ = Syscall.close(_listener);
        _listener = -1;
        return trouble;
    }

    private void Accept(Moment now)
    {
        const int type = Libc.SocketNonBlocking | Libc.SocketCloseOnExec;
        _acceptAgainAt = null;
        for (int client; (client = Libc.Accept(_listener, null, null, type)) >= 0;)
        {
            if (_clients.Count == MaxClients)
            {
                // Closed without a word: the client says that the agent is busy.
                _ = Syscall.close(client);
                return;
            }

            _clients.Add(new StatusClient(client, ++_lastId, now));
        }

        // Whoever waits still waits, and the listener stays readable.
        bool isForNow = LastErrno.IsForNow || LastErrno.Name == "ECONNABORTED";
        AcceptTrouble = isForNow ? null : LastErrno.Name;
        _acceptAgainAt = isForNow ? null : now + Rest;
    }
}
