using GuestAgent.Detection;

namespace GuestAgent.Linux;

/// <summary>
/// The clock of the poll loop: CLOCK_BOOTTIME, which goes on while the guest is suspended; before Linux 2.6.39
/// (kernel/posix-timers.c), which has none and answers EINVAL, CLOCK_MONOTONIC, which stands still meanwhile. Which of
/// the two is decided once: their values differ after a suspend.
/// </summary>
internal sealed class BootClock
{
    private const long NanosecondsPerTick = 100;

    private readonly TimeProvider _wallClock;
    private readonly int _clock;

    /// <summary>Finds the clock. Throws <see cref="IOException"/> where there is none.</summary>
    /// <param name="wallClock">The time of day.</param>
    public BootClock(TimeProvider wallClock)
    {
        _wallClock = wallClock;
        if (Libc.ClockGetTime(Libc.ClockBoottime, out _) == 0)
        {
            _clock = Libc.ClockBoottime;
            return;
        }

        WithoutBootTime = LastErrno.Name;
        _clock = Libc.ClockMonotonic;
        _ = Now;
    }

    /// <summary>Why CLOCK_BOOTTIME is not used, an errno's name; null where it is.</summary>
    public string? WithoutBootTime { get; }

    /// <summary>
    /// Now, on both clocks. Throws <see cref="IOException"/> when the clock cannot be read: with a time that stands
    /// still no probe would ever be due, and all would seem well.
    /// </summary>
    public Moment Now
    {
        get
        {
            if (Libc.ClockGetTime(_clock, out Libc.TimeSpec time) != 0)
            {
                throw new IOException($"clock {_clock} cannot be read ({LastErrno.Name})");
            }

            var sinceBoot = TimeSpan.FromSeconds(time.Seconds)
                + TimeSpan.FromTicks(time.Nanoseconds / NanosecondsPerTick);
            return new Moment(sinceBoot, _wallClock.GetUtcNow());
        }
    }
}
