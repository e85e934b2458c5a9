namespace GuestAgent.Detection;

/// <summary>One moment on two clocks.</summary>
/// <param name="SinceBoot">For durations: never set back, counts suspended time.</param>
/// <param name="WallClock">For people: the guest's own wall clock.</param>
internal readonly record struct Moment(TimeSpan SinceBoot, DateTimeOffset WallClock)
{
    /// <summary>How much time passed since an earlier moment.</summary>
    public static TimeSpan operator -(Moment later, Moment earlier) => later.SinceBoot - earlier.SinceBoot;

    /// <summary>A later moment.</summary>
    public static Moment operator +(Moment moment, TimeSpan duration)
        => new(moment.SinceBoot + duration, moment.WallClock + duration);

    /// <summary>Whether this moment has come.</summary>
    public bool HasCome(Moment now) => now.SinceBoot >= SinceBoot;
}
