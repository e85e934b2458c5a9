using Testbed.Agents;
using Testbed.Domains;

namespace Tests.Integration.Detection;

/// <summary>One row of the matrix: a real filesystem, what befalls it, and what the agent is to say.</summary>
internal sealed record DetectionRow
{
    /// <summary>The filesystem's type.</summary>
    public required string Type { get; init; }

    /// <summary>Its mount options.</summary>
    public required string Options { get; init; }

    /// <summary>What befalls it.</summary>
    public required string Fault { get; init; }

    /// <summary>Does it.</summary>
    public required Func<FaultyFilesystem, Task> Break { get; init; }

    /// <summary>What an agent says that was there when it happened.</summary>
    public required Expectation Expected { get; init; }

    /// <summary>What an agent says that came later; the same, unless only a witness can know.</summary>
    public Expectation ExpectedLater
    {
        get => field ?? Expected;
        init;
    }

    /// <summary>Takes it back; then the filesystem is <see cref="Expectation.Healthy"/>.</summary>
    public required Func<FaultyFilesystem, Task> Mend { get; init; }

    /// <summary>Type and options, as the tests are named.</summary>
    public string Filesystem => $"{Type} {Options}";
}
