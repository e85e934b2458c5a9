using GuestAgent.Detection;
using Protocol.Xenstore;

namespace GuestAgent.Reporting;

/// <summary>One node to write, or to remove where the value is null.</summary>
internal readonly record struct KeyWrite(string Path, string? Value);

/// <summary>
/// Makes the nodes in xenstore what they are wanted to be. What is wanted is the whole queue: however long the
/// daemon does not answer, nothing piles up, and what is written afterwards is the truth of that moment.
/// </summary>
internal sealed class KeyMirror
{
    /// <summary>Writes under way at once; xenstored stops reading a domain that has 20 outstanding.</summary>
    public const int MaxInFlight = 8;

    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(60);

    private readonly Dictionary<string, string?> _confirmed = [];
    private readonly Dictionary<string, string?> _inFlight = [];
    private readonly Dictionary<string, Moment> _retryAt = [];
    private IReadOnlyList<KeyValuePair<string, string?>> _wanted = [];

    /// <summary>How many nodes could not be written last time; they are tried again each minute.</summary>
    public int Refused => _retryAt.Count;

    /// <summary>Says what the nodes should be, most important first; null for one that should not be.</summary>
    public void Want(IReadOnlyList<KeyValuePair<string, string?>> nodes) => _wanted = nodes;

    /// <summary>Whether a node is known to hold a value.</summary>
    public bool IsConfirmed(string path, string value)
        => _confirmed.TryGetValue(path, out string? confirmed) && confirmed == value;

    /// <summary>The writes to begin now; each must be answered by <see cref="Written"/>.</summary>
    public List<KeyWrite> TakeWrites(Moment now)
    {
        var writes = new List<KeyWrite>();
        foreach ((string path, string? value) in _wanted)
        {
            if (_inFlight.Count >= MaxInFlight)
            {
                break;
            }

            bool isThere = _confirmed.TryGetValue(path, out string? confirmed) && confirmed == value;
            bool mustWait = _inFlight.ContainsKey(path)
                || (_retryAt.TryGetValue(path, out Moment retryAt) && !retryAt.HasCome(now));
            if (!isThere && !mustWait)
            {
                _inFlight[path] = value;
                writes.Add(new KeyWrite(path, value));
            }
        }

        return writes;
    }

    /// <summary>
    /// A write was answered. A node that was to be removed and is not there is as wanted; any other refusal
    /// (quota, permission) is tried again later.
    /// </summary>
    public void Written(string path, XenstoreError error, Moment now)
    {
        if (!_inFlight.Remove(path, out string? value))
        {
            return;
        }

        if (error == XenstoreError.None || (value is null && error == XenstoreError.ENOENT))
        {
            _confirmed[path] = value;
            _ = _retryAt.Remove(path);
        }
        else
        {
            _ = _confirmed.Remove(path);
            _retryAt[path] = now + RetryAfter;
        }
    }

    /// <summary>A write could not be handed over: it is due again.</summary>
    public void NotSent(string path) => _inFlight.Remove(path);

    /// <summary>Nothing that was written is known to be there any more: the link broke, or the domain moved.</summary>
    public void Forget()
    {
        _confirmed.Clear();
        _inFlight.Clear();
        _retryAt.Clear();
    }
}
