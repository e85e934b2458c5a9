using Protocol.Health;

namespace Testbed.Agents;

/// <summary>What the agent is to say of a filesystem.</summary>
/// <param name="Verdict">The verdict.</param>
/// <param name="Hidden">Whether the mount table says rw while writes fail.</param>
/// <param name="Evidence">Facts that must be among the evidence: a kind, or a kind and its detail.</param>
internal sealed record Expectation(Verdict Verdict, bool Hidden, params string[] Evidence)
{
    /// <summary>It works, and nothing is held against it any more.</summary>
    public static Expectation Healthy { get; } = new(Verdict.Writable, Hidden: false, "probe:ok")
    {
        NothingElse = true,
    };

    /// <summary>No other evidence is allowed.</summary>
    public bool NothingElse { get; init; }

    public bool IsMetBy(FilesystemHealth health)
    {
        string[] facts = [.. health.Evidence.Select(TextOf)];
        return health.Verdict == Verdict && health.Hidden == Hidden
            && Array.TrueForAll(Evidence, wanted => Array.Exists(
                facts, fact => fact == wanted || fact.StartsWith($"{wanted}:", StringComparison.Ordinal)))
            && (!NothingElse || facts.Length == Evidence.Length);
    }

    public override string ToString()
        => $"{Verdict.ToName()}{(Hidden ? ", hidden" : "")}, "
            + $"{(NothingElse ? "only " : "")}{string.Join(' ', Evidence)}";

    /// <summary>A fact as the status file has it, for example <c>probe:EROFS</c>.</summary>
    public static string TextOf(Evidence fact)
        => fact.Detail.Length == 0 ? fact.Kind.ToName() : $"{fact.Kind.ToName()}:{fact.Detail}";
}
