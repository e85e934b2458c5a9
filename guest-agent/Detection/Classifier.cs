using Protocol.Health;

namespace GuestAgent.Detection;

/// <summary>A verdict with the facts it stands on, and why where the verdict needs one.</summary>
internal readonly record struct Judgement(Verdict Verdict, VerdictReason? Why, IReadOnlyList<Evidence> Evidence);

/// <summary>From the facts of one filesystem to its verdict: <see cref="VerdictRules"/>, then the evidence.</summary>
internal static class Classifier
{
    /// <summary>A probe that is away for longer is slow.</summary>
    public static readonly TimeSpan SlowAfter = TimeSpan.FromSeconds(2);

    /// <summary>A probe that is away for longer, while the device completes no write, hangs.</summary>
    public static readonly TimeSpan HungAfter = TimeSpan.FromSeconds(5);

    /// <summary>A probe that is away for longer hangs, whatever the device completes.</summary>
    public static readonly TimeSpan HungAnyway = TimeSpan.FromSeconds(120);

    /// <summary>Judges one filesystem.</summary>
    public static Judgement Judge(WatchedFilesystem facts, Moment now)
    {
        Judgement judgement = JudgeByRules(facts, now);
        bool mayBeWell = judgement.Verdict is Verdict.Writable or Verdict.ReadOnlyByDesign or Verdict.Unknown;
        return facts.ProbingStopped is { } reason && mayBeWell
            ? new Judgement(Verdict.Unknown, VerdictReason.ProbeOverdue, WithoutProbes(reason, judgement.Evidence))
            : judgement;
    }

    /// <summary>What a probe met long ago is no evidence that all is well; of a fault it stays some.</summary>
    private static IReadOnlyList<Evidence> WithoutProbes(string reason, IReadOnlyList<Evidence> evidence)
        => [.. evidence
            .Where(fact => fact.Kind is not (EvidenceKind.Probe or EvidenceKind.ProbeRefused))
            .Prepend(new Evidence(EvidenceKind.ProbeRefused, reason))
            .Take(FilesystemHealth.MaxEvidence)];

    private static Judgement JudgeByRules(WatchedFilesystem facts, Moment now)
    {
        var situation = new Situation(facts, now);
        foreach (VerdictRule rule in VerdictRules.InOrder)
        {
            if (rule.Holds(situation))
            {
                return new Judgement(rule.Verdict, rule.Why(situation), EvidenceRules.Of(situation, rule.Verdict));
            }
        }

        throw new InvalidOperationException("the last rule holds always");
    }
}
