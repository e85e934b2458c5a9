using Microsoft.Data.Sqlite;

namespace HostBridge.Incidents;

/// <summary>What SQLite says, for a person. Its codes: sqlite.org/rescode.html.</summary>
internal static class StateFailure
{
    private const int Busy = 5;
    private const int ReadOnly = 8;
    private const int InputOutput = 10;
    private const int Corrupt = 11;
    private const int Full = 13;
    private const int CannotOpen = 14;
    private const int NotADatabase = 26;

    /// <summary>A failure of SQLite as one of the file system; what it means and what to do is its message.</summary>
    public static IOException ToException(SqliteException failure, string path)
        => new(Describe(failure, path), failure);

    /// <summary>A database that says something else than what was written to it.</summary>
    public static IOException Damaged(string path, string detail)
        => new($"it is damaged ({detail}). Nothing is done without it, as it says what was begun and how often. Look with "
            + $"\"sqlite3 -readonly {path} 'SELECT * FROM intent WHERE ended IS NULL'\" for guests in the middle of an act "
            + "and check them, then move it and its -wal away and restart host-bridge: it counts recoveries from none again");

    private static string Describe(SqliteException failure, string path) => failure.SqliteErrorCode switch
    {
        Busy => "another program holds it locked; end that program",
        ReadOnly => "it cannot be written; make its file system writable, and the file root's",
        InputOutput => $"its file system fails ({failure.Message}); mend it",
        Full => "its file system is full; make room",
        CannotOpen => "it cannot be opened; look at its directory",
        NotADatabase or Corrupt => Damaged(path, failure.Message).Message,
        _ => Damaged(path, failure.Message).Message,
    };
}
