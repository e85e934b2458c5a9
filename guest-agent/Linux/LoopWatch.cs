namespace GuestAgent.Linux;

/// <summary>
/// The poll loop's watchdog: a thread that counts periods of poll(2) without a descriptor, which end by the kernel's
/// timers and need no clock. The loop takes what was counted and holds its clock against it; a loop that makes no turn
/// for longer than it said is reported by <paramref name="onStuck"/>, from this thread.
/// </summary>
/// <param name="period">What one count stands for.</param>
/// <param name="onStuck">
/// The loop is stuck, and for how long; null when it turns again. Called once for each.
/// </param>
internal sealed unsafe class LoopWatch(TimeSpan period, Action<TimeSpan?> onStuck) : IDisposable
{
    /// <summary>Long enough to cost nothing.</summary>
    public static readonly TimeSpan DefaultPeriod = TimeSpan.FromSeconds(5);

    private const int StackBytes = 128 * 1024;

    /// <summary>How many periods later than it said the loop may turn: reading a long mount table takes a while.</summary>
    private const int Patience = 6;

    private long _turns;
    private long _saidPeriods;
    private long _passed;
    private volatile bool _isEnded;

    /// <summary>Begins to watch.</summary>
    public void Start() => new Thread(Watch, StackBytes) { IsBackground = true, Name = "watch" }.Start();

    /// <summary>The loop makes a turn, and the next at the latest after this time. Called by the loop.</summary>
    public void Turns(TimeSpan nextWithin)
    {
        Volatile.Write(ref _saidPeriods, (long)Math.Ceiling(nextWithin / period));
        Volatile.Write(ref _turns, _turns + 1);
    }

    /// <summary>The time that was counted since the last call; a little less than what passed.</summary>
    public TimeSpan TakePassed() => period * Interlocked.Exchange(ref _passed, 0);

    /// <summary>Ends the thread with its period.</summary>
    public void Dispose() => _isEnded = true;

    private void Watch()
    {
        long seen = 0;
        int missed = 0;
        bool isStuck = false;
        while (!_isEnded)
        {
            if (Libc.Poll(null, 0, (int)period.TotalMilliseconds) != 0)
            {
                // A signal: not a whole period.
                continue;
            }

            _ = Interlocked.Increment(ref _passed);
            long turns = Volatile.Read(ref _turns);
            missed = turns == seen ? missed + 1 : 0;
            seen = turns;
            bool wasStuck = isStuck;
            isStuck = missed > Volatile.Read(ref _saidPeriods) + Patience;
            if (isStuck != wasStuck && !_isEnded)
            {
                onStuck(isStuck ? period * missed : null);
            }
        }
    }
}
