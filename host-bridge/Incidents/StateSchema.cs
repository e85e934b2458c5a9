namespace HostBridge.Incidents;

/// <summary>
/// The tables of the state database, as the steps that lead to them. A step that was ever released is never changed:
/// what is needed next is one step more. Times are UTC as text, <c>2026-03-01T04:05:06.000Z</c>, which sorts by time.
/// Only what SQLite 3.34 knows is used, which the portable programs carry: no STRICT (3.37), which it takes for a mistake.
/// </summary>
internal static class StateSchema
{
    /// <summary>What marks a database as one of host-bridge, in its header: <c>hbst</c> (PRAGMA application_id).</summary>
    public const int ApplicationId = 0x68627374;

    /// <summary>
    /// Step N leads from user_version N to N + 1. Rows that a restart needs carry a checksum: a flipped bit in a text
    /// is seen by nothing else.
    /// </summary>
    public static IReadOnlyList<string> Steps { get; } =
    [
        """
        CREATE TABLE intent (       -- what was begun: durable before it was
            id INTEGER PRIMARY KEY,
            guest TEXT NOT NULL, name TEXT NOT NULL, domain INTEGER, boot_id TEXT, mount TEXT,
            rung TEXT NOT NULL, request TEXT NOT NULL, began TEXT NOT NULL,
            ended TEXT,             -- null: the bridge is, or stopped, in the middle of it
            checksum INTEGER NOT NULL
        );
        CREATE INDEX intent_by_guest ON intent (guest, began);
        CREATE TABLE step (         -- steps of the rung that destroys, checks and creates
            id INTEGER PRIMARY KEY,
            guest TEXT NOT NULL, request TEXT NOT NULL, step TEXT NOT NULL, at TEXT NOT NULL, disks TEXT,
            checksum INTEGER NOT NULL
        );
        CREATE INDEX step_by_request ON step (guest, request);
        CREATE TABLE standing (     -- what waits for an operator
            guest TEXT PRIMARY KEY, name TEXT NOT NULL, at TEXT NOT NULL, mount TEXT, text TEXT NOT NULL,
            checksum INTEGER NOT NULL
        );
        CREATE TABLE pause (
            guest TEXT PRIMARY KEY, -- empty: all guests
            until TEXT,             -- null: until a person ends it
            checksum INTEGER NOT NULL
        );
        CREATE TABLE story (        -- everything that was told of a guest; pruned, the oldest first
            id INTEGER PRIMARY KEY,
            at TEXT NOT NULL, guest TEXT NOT NULL, name TEXT NOT NULL, domain INTEGER, kind TEXT NOT NULL,
            text TEXT NOT NULL, mount TEXT, verdict TEXT, claims TEXT, hidden INTEGER, probe TEXT, since TEXT,
            boot_id TEXT, rung TEXT, request TEXT, fsck_exit INTEGER, step TEXT, ends_intent INTEGER, standing INTEGER
        );
        CREATE TABLE timeline (     -- what happened to storage, and to the guests on it; pruned, the oldest first
            id INTEGER PRIMARY KEY,
            at TEXT NOT NULL, incident TEXT NOT NULL, lun_group TEXT NOT NULL, source TEXT NOT NULL, guest TEXT,
            guest_name TEXT, text TEXT NOT NULL
        );
        """,
        """
        CREATE TABLE notice (       -- what people are told; kept for a while after it was delivered
            id INTEGER PRIMARY KEY,
            at TEXT NOT NULL, kind TEXT NOT NULL, guest TEXT, name TEXT, domain INTEGER, incident TEXT,
            lun_groups TEXT NOT NULL, intent TEXT, mount TEXT, verdict TEXT, what TEXT NOT NULL, why TEXT NOT NULL,
            done TEXT NOT NULL, todo TEXT NOT NULL
        );
        CREATE TABLE undelivered (  -- which carriers have not delivered it yet
            carrier TEXT NOT NULL, notice INTEGER NOT NULL, PRIMARY KEY (carrier, notice)
        ) WITHOUT ROWID;
        CREATE TABLE not_told (     -- how many notices a carrier tells by their number alone
            carrier TEXT PRIMARY KEY, count INTEGER NOT NULL, since TEXT NOT NULL, until TEXT NOT NULL
        );
        """,
        """
        CREATE TABLE faulty (       -- what was faulty when its guest last listed it
            guest TEXT NOT NULL, name TEXT NOT NULL, at TEXT NOT NULL, boot_id TEXT NOT NULL, mount TEXT NOT NULL,
            device TEXT NOT NULL, type TEXT NOT NULL, verdict TEXT NOT NULL, checksum INTEGER NOT NULL,
            PRIMARY KEY (guest, mount)
        ) WITHOUT ROWID;
        """,
    ];
}
