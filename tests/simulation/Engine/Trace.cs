using System.Globalization;

namespace Simulation.Engine;

/// <summary>
/// The course of a run: always as a hash (FNV-1a of 64 bits), by which two runs are compared, and as lines for people
/// where somebody wants to read them.
/// </summary>
/// <param name="isKept">Whether the lines are kept.</param>
internal sealed class Trace(bool isKept)
{
    private readonly List<string> _lines = [];

    /// <summary>The hash of everything so far.</summary>
    public ulong Hash { get; private set; } = 14695981039346656037;

    /// <summary>Whether lines are kept: only then is it worth to make them.</summary>
    public bool IsKept => isKept;

    /// <summary>The lines.</summary>
    public IReadOnlyList<string> Lines => _lines;

    /// <summary>Something happened.</summary>
    /// <param name="now">When.</param>
    /// <param name="who">To whom.</param>
    /// <param name="what">What, in words.</param>
    /// <param name="more">More words, which are made into one text only where lines are kept.</param>
    public void Add(TimeSpan now, string who, string what, string more = "")
    {
        Mix((ulong)now.Ticks);
        Mix(who);
        Mix(what);
        Mix(more);
        if (isKept)
        {
            _lines.Add(string.Create(
                CultureInfo.InvariantCulture, $"{now.TotalSeconds,10:0.000} s  {who,-9} {what}{(more.Length > 0 ? ": " : string.Empty)}{more}"));
        }
    }

    private void Mix(string text)
    {
        ulong hash = Hash;
        foreach (char letter in text)
        {
            hash = (hash ^ letter) * 1099511628211;
        }

        Hash = hash;
    }

    private void Mix(ulong value) => Hash = (Hash ^ value) * 1099511628211;
}
