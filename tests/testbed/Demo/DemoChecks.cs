namespace Testbed.Demo;

/// <summary>What the demonstration has to show, held or not, one line each.</summary>
public sealed class DemoChecks
{
    private readonly List<(bool Held, string What)> _checks = [];

    /// <summary>Whether all held.</summary>
    public bool AllHeld => _checks.Count > 0 && _checks.TrueForAll(check => check.Held);

    /// <summary>Adds one.</summary>
    /// <param name="held">Whether it held.</param>
    /// <param name="what">What had to hold, with the figure that was found.</param>
    public void Add(bool held, string what) => _checks.Add((held, what));

    /// <summary>Prints them all, and how it came out.</summary>
    public void Print()
    {
        Console.WriteLine();
        foreach ((bool held, string what) in _checks)
        {
            Console.WriteLine($"{(held ? "ok     " : "FAILED ")} {what}");
        }

        int failed = _checks.Count(check => !check.Held);
        Console.WriteLine(failed == 0 ? "All of it held." : $"{failed} of {_checks.Count} did not hold.");
    }
}
