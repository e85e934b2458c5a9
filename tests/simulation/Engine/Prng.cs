namespace Simulation.Engine;

/// <summary>
/// The one source of chance of a run: xoshiro256** seeded by splitmix64 (Blackman and Vigna), so that a seed means the
/// same run with every version of the runtime.
/// </summary>
internal sealed class Prng
{
    private ulong _a;
    private ulong _b;
    private ulong _c;
    private ulong _d;

    public Prng(ulong seed)
    {
        _a = SplitMix(ref seed);
        _b = SplitMix(ref seed);
        _c = SplitMix(ref seed);
        _d = SplitMix(ref seed);
    }

    /// <summary>64 random bits.</summary>
    public ulong Next()
    {
        ulong result = ulong.RotateLeft(_b * 5, 7) * 9;
        ulong shifted = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= shifted;
        _d = ulong.RotateLeft(_d, 45);
        return result;
    }

    /// <summary>From 0 to one less than the bound.</summary>
    public int Below(int bound) => (int)Math.BigMul(Next(), (ulong)bound, out _);

    /// <summary>From the least to the most, both included.</summary>
    public int Between(int least, int most) => least + Below(most - least + 1);

    /// <summary>True so many times in a thousand.</summary>
    public bool Chance(int perMille) => Below(1000) < perMille;

    /// <summary>A time between two, in milliseconds.</summary>
    public TimeSpan Time(TimeSpan least, TimeSpan most)
        => TimeSpan.FromMilliseconds(Between((int)least.TotalMilliseconds, (int)most.TotalMilliseconds));

    /// <summary>A time between two, both in seconds.</summary>
    public TimeSpan Seconds(double least, double most)
        => Time(TimeSpan.FromSeconds(least), TimeSpan.FromSeconds(most));

    /// <summary>One of them.</summary>
    public T Of<T>(ReadOnlySpan<T> some) => some[Below(some.Length)];

    private static ulong SplitMix(ref ulong state)
    {
        state += 0x9e3779b97f4a7c15;
        ulong mixed = state;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
        return mixed ^ (mixed >> 31);
    }
}
