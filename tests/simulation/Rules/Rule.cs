using HostBridge.Recovery;

namespace Simulation.Rules;

/// <summary>The rules of design and RECOVERY.md that are watched.</summary>
internal enum Rule
{
    /// <summary>S1: no act on a guest whose storage is not stable.</summary>
    StableStorage = 0,

    /// <summary>S2: at most one act in flight a guest, N a LUN group, M a host.</summary>
    Caps,

    /// <summary>S3: no act on evidence of an older boot or sequence, nor on words of a guest that was not heard.</summary>
    FreshEvidence,

    /// <summary>S4: no check of a disk that any domain or mount could use.</summary>
    DiskUnused,

    /// <summary>S5: no restart of a guest whose root writes, nor of one that merely hangs.</summary>
    DeadRootOnly,

    /// <summary>S6: at most K recoveries of a guest in a window.</summary>
    Budget,

    /// <summary>S7: the intent is durable before the act; a crash repeats nothing blindly.</summary>
    DurableIntent,

    /// <summary>S8: the words of one guest never act on another.</summary>
    OwnWordsOnly,

    /// <summary>S9: observing or paused means no act.</summary>
    Consent,

    /// <summary>S10: only what the bridge destroyed itself is checked or created.</summary>
    OwnHandOnly,

    /// <summary>S11: a restart needs evidence of this host.</summary>
    HostEvidence,

    /// <summary>A proof is true.</summary>
    TrueProof,

    /// <summary>L1: once the faults stop, every guest ends healthy or with an operator.</summary>
    ComesToAnEnd,

    /// <summary>L2: one notification a transition, none lost over a restart.</summary>
    IsTold,
}

/// <summary>A rule that was broken.</summary>
/// <param name="Rule">Which.</param>
/// <param name="At">When, since the begin of the run.</param>
/// <param name="Text">How.</param>
internal sealed record Breach(Rule Rule, TimeSpan At, string Text);

/// <summary>Names of rules, and the safeguards that hold them.</summary>
internal static class RuleNames
{
    /// <summary>The name by which people speak of a rule: <c>S1</c>, <c>L2</c>.</summary>
    public static string Number(this Rule rule) => rule switch
    {
        Rule.TrueProof => "proof",
        Rule.ComesToAnEnd => "L1",
        Rule.IsTold => "L2",
        _ => $"S{(int)rule + 1}",
    };

    /// <summary>The rule that a safeguard holds.</summary>
    public static Rule RuleOf(Safeguards safeguard) => safeguard switch
    {
        Safeguards.ServedDisksOnly => Rule.StableStorage,
        Safeguards.SecondFact => Rule.DeadRootOnly,
        _ => Enum.Parse<Rule>(safeguard.ToString()),
    };
}
