using System.Text;
using GuestAgent.Detection;
using GuestAgent.Linux;
using Protocol.Xenstore;
using Protocol.Xenstore.Client;

namespace GuestAgent.Reporting.Carriers;

/// <summary>
/// The link to xenstore as the poll loop turns it: opens it with back-off and jitter, watches for the host's
/// request, hands writes over and turns answers into inputs. It never waits.
/// </summary>
internal sealed class XenstoreCarrier(IReadOnlyList<string> paths, Random jitter) : IDisposable
{
    private const string RequestToken = "request";

    private static readonly TimeSpan FirstBackOff = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LastBackOff = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan WatchRetry = TimeSpan.FromSeconds(60);

    /// <summary>
    /// A daemon that was restarted in Dom0 may have lost what it was asked, and answers what it is asked anew.
    /// </summary>
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(60);

    private readonly Dictionary<uint, string> _questions = [];
    private readonly Dictionary<string, bool> _reading = [];
    private readonly List<(XenstoreRequest Request, string Path)> _unsent = [];
    private XenstorePoller? _link;
    private TimeSpan _backOff = FirstBackOff;
    private Moment? _openAt;
    private Moment? _watchAgainAt;
    private Moment? _answerBy;
    private string _path = string.Empty;

    /// <summary>Takes what was read by <see cref="Read"/>; null for a node that is not there.</summary>
    public Action<string, byte[]?> OnRead { get; set; } = (_, _) => { };

    /// <summary>To poll for POLLIN; −1 while there is no link.</summary>
    public int FileDescriptor => _link?.FileDescriptor ?? -1;

    /// <summary>Whether to poll for POLLOUT as well (a socket that took only a part of a request).</summary>
    public bool WantsToSend => _link?.IsSendingUnfinished == true;

    /// <summary>
    /// When the next attempt to open the link, or to set the watch, or an answer is due; null when none is.
    /// </summary>
    public Moment? Due(Moment now)
        => _link is null ? _openAt ?? now
            : _answerBy is { } answerBy && _watchAgainAt?.HasCome(answerBy) != true ? answerBy
            : _watchAgainAt;

    /// <summary>Opens the link when that is due, and takes what has arrived.</summary>
    public List<AgentInput> Turn(Moment now)
    {
        var inputs = new List<AgentInput>();
        try
        {
            if (_link is null)
            {
                TryOpen(inputs, now);
            }

            if (_link is not null)
            {
                _ = _link.FinishSending();
                SendUnsent();
                bool hasAnswered = false;
                while (_link.TryReceive(out XenstorePollerEvent received))
                {
                    hasAnswered |= received.Reply is not null;
                    Understand(received, inputs, now);
                }

                WatchAgain(now);
                LimitWait(_link, hasAnswered, now);
            }
        }
        catch (XenstoreLinkException broken)
        {
            string cause = broken.IsDenied
                ? $"; {SecurityContext.Explain(SecurityContext.Current(new PathRoot("/")))}"
                : string.Empty;
            Close(inputs, broken.Message + cause, now);
        }

        return inputs;
    }

    /// <summary>Hands a write over; the input that says what became of it, or null when the answer is awaited.</summary>
    public AgentInput? Write(string path, string? value, Moment now)
    {
        XenstoreRequest request = value is null
            ? XenstoreRequest.Remove(path)
            : XenstoreRequest.Write(path, Encoding.ASCII.GetBytes(value));
        try
        {
            return TrySend(request, path) ? null : new AgentInput.KeyNotSent(path);
        }
        catch (XenstoreLinkException broken)
        {
            var inputs = new List<AgentInput>();
            Close(inputs, broken.Message, now);
            return inputs[0];
        }
    }

    /// <summary>
    /// Reads a node that is none of the agent's own words. Whoever asks asks again: a link that breaks forgets it.
    /// </summary>
    public void Read(string path)
    {
        try
        {
            if (_link is not null && _unsent.Count == 0)
            {
                ReadOnce(path);
            }
        }
        catch (XenstoreLinkException)
        {
            // The next turn meets the same and tells of it.
        }
    }

    public void Dispose() => _link?.Dispose();

    private void TryOpen(List<AgentInput> inputs, Moment now)
    {
        if (_openAt is { } openAt && !openAt.HasCome(now))
        {
            return;
        }

        _path = paths.FirstOrDefault(File.Exists) ?? paths[0];
        _link = XenstorePoller.Open(_path);
        _questions.Clear();
        inputs.Add(new AgentInput.LinkUp());

        // The earlier outcome is asked for first: a request must not be carried out twice because the agent was
        // restarted in the middle of it.
        Ask(XenstoreRequest.Read(GuestKeys.Outcome), GuestKeys.Outcome);
        AskToWatch();
    }

    /// <summary>One watch for everything that the host writes: a guest has few of them.</summary>
    private void AskToWatch() => Ask(XenstoreRequest.Watch(GuestKeys.Control, RequestToken), GuestKeys.Control);

    private void LimitWait(XenstorePoller link, bool hasAnswered, Moment now)
    {
        if (link.Outstanding == 0)
        {
            _answerBy = null;
        }
        else if (hasAnswered || _answerBy is null)
        {
            _answerBy = now + AnswerLimit;
        }
        else if (_answerBy.Value.HasCome(now))
        {
            throw new XenstoreLinkException(
                _path, $"no answer for {AnswerLimit.TotalSeconds:0} s: look whether xenstored runs in Dom0");
        }
    }

    private void Understand(XenstorePollerEvent received, List<AgentInput> inputs, Moment now)
    {
        if (received.Watch is not null)
        {
            // There is one watch. It fires for a new request or word, and once after each resume.
            ReadOnce(GuestKeys.BootId);
            ReadOnce(GuestKeys.Request);
            ReadOnce(GuestKeys.LastRecovery);
            return;
        }

        if (received.Reply is not { } reply || !_questions.Remove(reply.RequestId, out string? path))
        {
            return;
        }

        _backOff = FirstBackOff;
        if (reply.Operation == XenstoreOperation.Read && _reading.Remove(path, out bool isOutdated) && isOutdated)
        {
            ReadOnce(path);
        }

        byte[]? value = reply.Error == XenstoreError.None ? reply.Payload.ToArray() : null;
        if (reply.Operation == XenstoreOperation.Read
            && path is not (GuestKeys.Outcome or GuestKeys.BootId or GuestKeys.Request or GuestKeys.LastRecovery))
        {
            OnRead(path, value);
            return;
        }

        AgentInput? input = (reply.Operation, path) switch
        {
            (XenstoreOperation.Write or XenstoreOperation.Remove, _) => new AgentInput.KeyWritten(path, reply.Error),
            (XenstoreOperation.Watch, _) when reply.Error is not (XenstoreError.None or XenstoreError.EEXIST)
                => WatchRefused(reply.Error, now),
            (XenstoreOperation.Read, GuestKeys.Outcome) => new AgentInput.EarlierOutcomeRead(value),
            (XenstoreOperation.Read, GuestKeys.BootId) => new AgentInput.OwnBootIdRead(value),
            (XenstoreOperation.Read, GuestKeys.LastRecovery) => new AgentInput.LastRecoveryRead(value),
            (XenstoreOperation.Read, GuestKeys.Request) => new AgentInput.RequestRead(value),
            _ => null,
        };
        if (input is not null)
        {
            inputs.Add(input);
        }
    }

    /// <summary>
    /// Other tools of the guest may have used its watches up. Until the watch is set, the request is looked for each
    /// time it is tried.
    /// </summary>
    private AgentInput.WatchRefused WatchRefused(XenstoreError error, Moment now)
    {
        _watchAgainAt = now + WatchRetry;
        return new AgentInput.WatchRefused(error);
    }

    private void WatchAgain(Moment now)
    {
        if (_watchAgainAt is { } due && due.HasCome(now))
        {
            _watchAgainAt = null;
            AskToWatch();
            ReadOnce(GuestKeys.Request);
            ReadOnce(GuestKeys.LastRecovery);
        }
    }

    /// <summary>
    /// Reads a node, once at a time however often its watch fires: an event that comes while the answer is awaited
    /// asks once more after it.
    /// </summary>
    private void ReadOnce(string path)
    {
        if (!_reading.TryAdd(path, false))
        {
            _reading[path] = true;
            return;
        }

        Ask(XenstoreRequest.Read(path), path);
    }

    /// <summary>Questions of our own are few: at most these wait when the daemon takes nothing.</summary>
    private void Ask(XenstoreRequest request, string path)
    {
        const int mostUnsent = 5;
        if (!TrySend(request, path) && _unsent.Count < mostUnsent)
        {
            _unsent.Add((request, path));
        }
    }

    private void SendUnsent()
    {
        while (_unsent.Count > 0 && TrySend(_unsent[0].Request, _unsent[0].Path))
        {
            _unsent.RemoveAt(0);
        }
    }

    private bool TrySend(in XenstoreRequest request, string path)
    {
        if (_link is null || !_link.TrySend(request, out uint id))
        {
            return false;
        }

        _questions[id] = path;
        return true;
    }

    private void Close(List<AgentInput> inputs, string reason, Moment now)
    {
        _link?.Dispose();
        _link = null;
        _questions.Clear();
        _unsent.Clear();
        _reading.Clear();
        _watchAgainAt = null;
        _answerBy = null;
        _openAt = now + (_backOff * (0.5 + jitter.NextDouble()));
        _backOff = _backOff * 2 < LastBackOff ? _backOff * 2 : LastBackOff;
        inputs.Add(new AgentInput.LinkDown(reason));
    }
}
