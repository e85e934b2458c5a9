namespace HostBridge.Incidents;

/// <summary>How much is kept.</summary>
internal sealed record RetentionLimits
{
    /// <summary>How long what was told and what ended is kept.</summary>
    public TimeSpan Age { get; init; } = TimeSpan.FromDays(90);

    /// <summary>
    /// How long an intent that ended is kept whatever the size: longer than any window in which recoveries are counted.
    /// </summary>
    public TimeSpan RecoveryAge { get; init; } = TimeSpan.FromDays(7);

    /// <summary>How long notices are kept, delivered or not: longer than any carrier is waited for.</summary>
    public TimeSpan NoticeAge { get; init; } = TimeSpan.FromDays(7);

    /// <summary>How many notices are kept.</summary>
    public int MaxNotices { get; init; } = 10_000;

    /// <summary>How much of the file may be used, in bytes; what goes beyond makes the oldest go.</summary>
    public long MaxBytes { get; init; } = 64L * 1024 * 1024;
}

/// <summary>
/// Keeps the database within its limits, one slice at a time, so that no intent waits long for it: first what was told,
/// the oldest first, then intents that ended long ago. What is open, stands, pauses or was faulty is never touched.
/// </summary>
/// <param name="database">The database.</param>
/// <param name="limits">The limits.</param>
internal sealed class StateRetention(StateDatabase database, RetentionLimits limits)
{
    private const int SliceRows = 2000;

    /// <summary>Free pages are used again; only so many are kept in the file.</summary>
    private const int MaxFreePages = 1024;

    private const int SlicePages = 256;

    /// <summary>Takes one slice away, if there is something to be taken away.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="byAge">Whether ages are looked at too; sizes are each time.</param>
    public void Prune(DateTimeOffset now, bool byAge)
    {
        if (byAge)
        {
            string before = StateFormat.ToText(now - limits.Age);
            database.Transact(() =>
            {
                DeleteOldest("story", "at < ?1", before);
                DeleteOldest("timeline", "at < ?1", before);
                DeleteEnded(before);
                DeleteNotices(StateFormat.ToText(now - limits.NoticeAge));
            });
        }

        if (database.UsedBytes > limits.MaxBytes)
        {
            database.Transact(() => PruneBySize(StateFormat.ToText(now - limits.RecoveryAge)));
        }

        if (database.Number("PRAGMA freelist_count") > MaxFreePages)
        {
            database.Run($"PRAGMA incremental_vacuum({SlicePages})");
        }
    }

    private void PruneBySize(string endedBefore)
    {
        long story = Rows("story");
        long timeline = Rows("timeline");
        int deleted = DeleteOldest(story >= timeline ? "story" : "timeline", "?1 IS NULL", value: null);
        if (deleted == 0)
        {
            DeleteEnded(endedBefore);
        }
    }

    /// <summary>About how many: ids run on, and the oldest are deleted.</summary>
    private long Rows(string table)
        => database.Number($"SELECT coalesce(max(id) - min(id) + 1, 0) FROM {table}");

    private int DeleteOldest(string table, string condition, string? value) => database.Run(
        $"DELETE FROM {table} WHERE {condition} AND id < (SELECT min(id) FROM {table}) + {SliceRows}", value);

    private void DeleteNotices(string before)
    {
        database.Run(
            "DELETE FROM notice WHERE at < ?1 OR id NOT IN (SELECT id FROM notice ORDER BY id DESC LIMIT ?2)",
            before, limits.MaxNotices);
        database.Run("DELETE FROM undelivered WHERE notice NOT IN (SELECT id FROM notice)");
    }

    private void DeleteEnded(string before)
    {
        database.Run(
            $"DELETE FROM intent WHERE id IN (SELECT id FROM intent WHERE ended < ?1 ORDER BY id LIMIT {SliceRows})",
            before);
        database.Run(
            "DELETE FROM step WHERE NOT EXISTS (SELECT 1 FROM intent WHERE intent.guest = step.guest "
                + $"AND intent.request = step.request) AND id < (SELECT min(id) FROM step) + {SliceRows}");
    }
}
