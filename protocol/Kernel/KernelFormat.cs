using System.Text.RegularExpressions;

namespace Protocol.Kernel;

/// <summary>Whose kernel log a format is looked for in.</summary>
[Flags]
public enum KernelReaders
{
    /// <summary>The guest's, by its agent and on its console.</summary>
    Guest = 1,

    /// <summary>Dom0's.</summary>
    Host = 2,

    /// <summary>Either.</summary>
    Both = Guest | Host,
}

/// <summary>One format of a line that Linux prints of a filesystem or its storage.</summary>
/// <param name="Kind">What such a line says.</param>
/// <param name="Readers">Whose log it is looked for in.</param>
/// <param name="Pattern">
/// The format, anchored at its beginning: a line of another kind may hold any text behind. The groups <c>device</c>,
/// <c>part</c> and <c>session</c> name what it speaks of, <c>sector</c> where a request began.
/// </param>
/// <param name="First">The first kernel that prints it, from 2.6.18 on.</param>
/// <param name="Last">The last one; null when 6.18 still does.</param>
/// <param name="Source">The file of Linux that prints it.</param>
/// <param name="Example">A line as it stands in the log.</param>
public sealed record KernelFormat(
    KernelLineKind Kind,
    KernelReaders Readers,
    Regex Pattern,
    string First,
    string? Last,
    string Source,
    string Example);
