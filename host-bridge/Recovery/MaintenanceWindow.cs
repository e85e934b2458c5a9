namespace HostBridge.Recovery;

/// <summary>A time in which people work on the storage and the bridge does nothing.</summary>
internal abstract record MaintenanceWindow
{
    private static readonly TimeSpan Week = TimeSpan.FromDays(7);

    private MaintenanceWindow()
    {
    }

    /// <summary>When the window that holds at a moment ends; null when it does not hold.</summary>
    /// <param name="wall">The moment on the wall clock.</param>
    public abstract DateTimeOffset? EndIfInside(DateTimeOffset wall);

    /// <summary>Every week, in UTC.</summary>
    /// <param name="Day">The day on which it begins.</param>
    /// <param name="Begins">The time of day at which it begins.</param>
    /// <param name="Length">How long it lasts; it may reach into the next days, up to a week.</param>
    internal sealed record Weekly(DayOfWeek Day, TimeOnly Begins, TimeSpan Length) : MaintenanceWindow
    {
        /// <inheritdoc/>
        public override DateTimeOffset? EndIfInside(DateTimeOffset wall)
        {
            DateTimeOffset utc = wall.ToUniversalTime();
            DateTimeOffset sunday = new(utc.Date.AddDays(-(int)utc.DayOfWeek), TimeSpan.Zero);
            DateTimeOffset began = sunday.AddDays((int)Day) + Begins.ToTimeSpan();
            if (began > utc)
            {
                began -= Week;
            }

            return utc - began < Length ? began + Length : null;
        }
    }

    /// <summary>Once.</summary>
    /// <param name="Begins">When it begins.</param>
    /// <param name="Ends">When it is over.</param>
    internal sealed record Once(DateTimeOffset Begins, DateTimeOffset Ends) : MaintenanceWindow
    {
        /// <inheritdoc/>
        public override DateTimeOffset? EndIfInside(DateTimeOffset wall)
            => wall >= Begins && wall < Ends ? Ends : null;
    }
}
