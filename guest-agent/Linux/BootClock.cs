using GuestAgent.Detection;

namespace GuestAgent.Linux;

/// <summary>The clock of the poll loop: CLOCK_BOOTTIME, which goes on while the guest is suspended.</summary>
internal sealed class BootClock(TimeProvider wallClock)
{
    private const long NanosecondsPerTick = 100;

    /// <summary>Now, on both clocks.</summary>
    public Moment Now
    {
        get
        {
            _ = Libc.ClockGetTime(Libc.ClockBoottime, out Libc.TimeSpec time);
            var sinceBoot = TimeSpan.FromSeconds(time.Seconds)
                + TimeSpan.FromTicks(time.Nanoseconds / NanosecondsPerTick);
            return new Moment(sinceBoot, wallClock.GetUtcNow());
        }
    }
}
