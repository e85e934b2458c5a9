using Protocol.Health;

namespace HostBridge.Recovery;

/// <summary>
/// How long to wait before something is tried again: it doubles each time, up to a longest, and differs from guest to
/// guest so that they do not all come at once. Nothing is drawn by lot: the name of what is tried makes the difference.
/// </summary>
internal static class Backoff
{
    private const int MaxDoublings = 20;
    private const uint FnvOffset = 2166136261;
    private const uint FnvPrime = 16777619;

    /// <summary>The wait after so many attempts: between three quarters of the plain one and all of it.</summary>
    /// <param name="attempts">How many attempts were made; from 1.</param>
    /// <param name="first">The wait after the first.</param>
    /// <param name="longest">The longest wait.</param>
    /// <param name="intent">The intent.</param>
    public static TimeSpan After(int attempts, TimeSpan first, TimeSpan longest, RequestId intent)
        => After(attempts, first, longest, intent.ToString());

    /// <summary>The wait after so many attempts: between three quarters of the plain one and all of it.</summary>
    /// <param name="attempts">How many attempts were made; from 1.</param>
    /// <param name="first">The wait after the first.</param>
    /// <param name="longest">The longest wait.</param>
    /// <param name="name">What is tried: it makes the difference.</param>
    public static TimeSpan After(int attempts, TimeSpan first, TimeSpan longest, string name)
    {
        TimeSpan plain = first * Math.Pow(2, Math.Min(attempts - 1, MaxDoublings));
        TimeSpan bounded = plain < longest ? plain : longest;
        return bounded * (0.75 + (0.25 * Fraction($"{name}/{attempts}")));
    }

    /// <summary>A number from 0 to 1 that the text alone decides (FNV-1a).</summary>
    private static double Fraction(string text)
    {
        uint hash = FnvOffset;
        foreach (char character in text)
        {
            hash = (hash ^ character) * FnvPrime;
        }

        return hash / (double)uint.MaxValue;
    }
}
