using Protocol.Health;

namespace GuestAgent.Inquiries;

/// <summary>Why a question was not answered.</summary>
internal enum InquiryError
{
    /// <summary>It was answered.</summary>
    None = 0,

    /// <summary>The line is none of the questions.</summary>
    NotUnderstood,

    /// <summary>No filesystem that is watched is mounted there.</summary>
    NotWatched,
}

/// <summary>The answer to one question: complete in itself, about the filesystems that were asked for.</summary>
internal sealed record StatusDocument
{
    /// <summary>The version of the document; raised when an old reader would misunderstand a new writer.</summary>
    public const int CurrentSchema = 1;

    /// <summary>What <see cref="Xenstore"/> says of a link that works.</summary>
    public const string LinkAnswers = "answers";

    /// <summary>Why there is no answer; then nothing but the agent's own fields is filled.</summary>
    public InquiryError Error { get; init; }

    public required string AgentVersion { get; init; }

    public required BootId BootId { get; init; }

    /// <summary>The sequence of the last report; 0 before the first.</summary>
    public required long Sequence { get; init; }

    /// <summary>How the link to xenstore is: <c>answers</c>, or what is wrong with it.</summary>
    public required string Xenstore { get; init; }

    /// <summary>Why the files of the configuration are not known, and what is in force instead; null when read.</summary>
    public string? Configuration { get; init; }

    /// <summary>What the host last did for this guest; null when nothing is known.</summary>
    public LastRecovery? LastRecovery { get; init; }

    /// <summary>How many filesystems the question was about, listed or not.</summary>
    public int FilesystemCount { get; init; }

    /// <summary>The worst of all of them; <see cref="Severity.Unknown"/> when there are none.</summary>
    public Severity Severity { get; init; } = Severity.Unknown;

    /// <summary>At most <see cref="GuestReport.MaxFilesystems"/>, the worst first.</summary>
    public IReadOnlyList<FilesystemStatus> Filesystems { get; init; } = [];

    /// <summary>
    /// The worst class of many, as monitoring counts it: something unknown hides behind no filesystem that is well.
    /// </summary>
    public static Severity WorstOf(IEnumerable<FilesystemHealth> healths)
        => healths.Select(one => one.Severity).DefaultIfEmpty(Severity.Unknown).MaxBy(RankOf);

    private static int RankOf(Severity severity) => severity switch
    {
        Severity.Critical => 3,
        Severity.Warning => 2,
        Severity.Unknown => 1,
        _ => 0,
    };
}

/// <summary>One filesystem of an answer.</summary>
/// <param name="Health">What is held true of it.</param>
/// <param name="Probe">What the probe brought that was asked for; null where none was asked for.</param>
internal sealed record FilesystemStatus(FilesystemHealth Health, ProbeNews? Probe)
{
    /// <summary>How long ago the last probe came back; null when none has.</summary>
    public TimeSpan? ProbeAge { get; init; }

    /// <summary>How often it is probed when nothing is wrong.</summary>
    public TimeSpan ProbeInterval { get; init; }
}

/// <summary>A probe that was asked for.</summary>
/// <param name="IsFresh">It began after the question and came back.</param>
/// <param name="Result">
/// What it met: <c>ok</c> or the name of an errno; <c>outstanding</c> when it has not come back within the limit.
/// </param>
/// <param name="DurationMs">How long it took, in milliseconds; so far, where it has not come back.</param>
internal sealed record ProbeNews(bool IsFresh, string Result, double DurationMs)
{
    public const string Outstanding = "outstanding";
}
