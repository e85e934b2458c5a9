namespace HostBridge.Correlation;

/// <summary>
/// The last words of guests on storage that nobody saw a fault of: a guest may notice before its host does. Bounded,
/// for each guest and for all.
/// </summary>
/// <param name="keptFor">How long a word is kept.</param>
internal sealed class RecentWords(TimeSpan keptFor)
{
    private const int MaxWords = 512;
    private const int MaxWordsPerGuest = 4;

    private readonly List<(string Group, GuestWord Word)> _words = [];

    /// <summary>Keeps a word for a while.</summary>
    public void Add(string group, GuestWord word)
    {
        _words.RemoveAll(one => word.At - one.Word.At >= keptFor);
        int own = _words.FindIndex(one => one.Group == group && one.Word.Guest.Uuid == word.Guest.Uuid);
        if (_words.Count(one => one.Group == group && one.Word.Guest.Uuid == word.Guest.Uuid) >= MaxWordsPerGuest)
        {
            _words.RemoveAt(own);
        }
        else if (_words.Count >= MaxWords)
        {
            return;
        }

        _words.Add((group, word));
    }

    /// <summary>What was said of a group shortly before this moment and since; it is kept no longer.</summary>
    public IReadOnlyList<GuestWord> Take(string group, TimeSpan began)
    {
        GuestWord[] taken =
        [
            .. _words.Where(one => one.Group == group && began - one.Word.At < keptFor).Select(one => one.Word),
        ];
        _words.RemoveAll(one => one.Group == group);
        return taken;
    }
}
