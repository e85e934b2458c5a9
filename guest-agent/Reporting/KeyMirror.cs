using GuestAgent.Detection;
using Protocol.Xenstore;

namespace GuestAgent.Reporting;

/// <summary>One node to write, or to remove where the value is null.</summary>
internal readonly record struct KeyWrite(string Path, string? Value);

/// <summary>
/// Makes the nodes in xenstore what they are wanted to be. What is wanted is the whole queue: however long the
/// daemon does not answer, nothing piles up, and what is written afterwards is the truth of that moment.
/// When the guest's quota is used up, the least important nodes make room for the others.
/// </summary>
internal sealed class KeyMirror
{
    /// <summary>Writes under way at once; xenstored stops reading a domain that has 20 outstanding.</summary>
    public const int MaxInFlight = 8;

    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(60);

    private readonly Dictionary<string, string?> _confirmed = [];
    private readonly Dictionary<string, string?> _inFlight = [];
    private readonly Dictionary<string, Moment> _retryAt = [];
    private readonly Dictionary<string, Moment> _leftOutUntil = [];
    private readonly Dictionary<string, string> _waitsForRoom = [];
    private IReadOnlyList<KeyValuePair<string, string?>> _wanted = [];

    /// <summary>How many nodes were refused for another reason than the quota; each is tried again every minute.</summary>
    public int Refused => _retryAt.Count;

    /// <summary>Nodes are left out because the quota is used up; they are tried again every minute.</summary>
    public bool IsOverQuota => _leftOutUntil.Count > 0;

    /// <summary>Says what the nodes should be, most important first; null for one that should not be.</summary>
    public void Want(IReadOnlyList<KeyValuePair<string, string?>> nodes) => _wanted = nodes;

    /// <summary>Whether a node is known to hold a value.</summary>
    public bool IsConfirmed(string path, string value)
        => _confirmed.TryGetValue(path, out string? confirmed) && confirmed == value;

    /// <summary>Whether these nodes are known to be as they are wanted.</summary>
    public bool AreConfirmed(IReadOnlyCollection<string> paths)
        => _wanted.Where(node => paths.Contains(node.Key))
            .All(node => _confirmed.TryGetValue(node.Key, out string? confirmed) && confirmed == node.Value);

    /// <summary>The writes to begin now; each must be answered by <see cref="Written"/>.</summary>
    public List<KeyWrite> TakeWrites(Moment now)
    {
        var writes = new List<KeyWrite>();
        foreach ((string path, string? wanted) in _wanted)
        {
            if (_inFlight.Count >= MaxInFlight)
            {
                break;
            }

            string? value = IsLeftOut(path, now) ? null : wanted;
            bool isThere = _confirmed.TryGetValue(path, out string? confirmed) && confirmed == value;
            if (!isThere && !MustWait(path, now))
            {
                _inFlight[path] = value;
                writes.Add(new KeyWrite(path, value));
            }
        }

        return writes;
    }

    /// <summary>
    /// A write was answered. A node that was to be removed and is not there is as wanted. For want of quota the
    /// least important node makes room; any other refusal (permission) is tried again later.
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
            if (value is not null)
            {
                _ = _leftOutUntil.Remove(path);
            }
        }
        else if (error is XenstoreError.ENOSPC or XenstoreError.EQUOTA && value is not null)
        {
            _ = _confirmed.Remove(path);
            MakeRoom(path, now);
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
        _leftOutUntil.Clear();
        _waitsForRoom.Clear();
    }

    private bool IsLeftOut(string path, Moment now)
        => _leftOutUntil.TryGetValue(path, out Moment until) && !until.HasCome(now);

    private bool MustWait(string path, Moment now)
    {
        if (_waitsForRoom.TryGetValue(path, out string? victim))
        {
            bool isGone = _confirmed.TryGetValue(victim, out string? left) && left is null;
            if (!isGone && _leftOutUntil.ContainsKey(victim))
            {
                return true;
            }

            _ = _waitsForRoom.Remove(path);
        }

        return _inFlight.ContainsKey(path) || (_retryAt.TryGetValue(path, out Moment retryAt) && !retryAt.HasCome(now));
    }

    /// <summary>The last node of the list that is there goes, unless it is more important than the one refused.</summary>
    private void MakeRoom(string path, Moment now)
    {
        string victim = _wanted
            .Select(node => node.Key)
            .Reverse()
            .TakeWhile(one => one != path)
            .FirstOrDefault(one => _confirmed.TryGetValue(one, out string? value) && value is not null, path);
        _leftOutUntil[victim] = now + RetryAfter;
        if (victim != path)
        {
            _waitsForRoom[path] = victim;
        }
    }
}
