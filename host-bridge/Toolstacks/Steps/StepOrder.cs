using System.Text.Json.Serialization;
using HostBridge.Recovery;

namespace HostBridge.Toolstacks.Steps;

/// <summary>A step that runs in a process of its own, apart from the bridge.</summary>
internal enum StepKind
{
    /// <summary>Destroys a domain and waits until it is gone.</summary>
    Destroy = 0,

    /// <summary>Checks the filesystems of a domain that was destroyed.</summary>
    Check,

    /// <summary>Creates the domain again.</summary>
    Create,
}

/// <summary>What a step is to do: a file of the state directory, written before its process is started.</summary>
internal sealed record StepOrder
{
    /// <summary>Which step.</summary>
    public required StepKind Kind { get; init; }

    /// <summary>The intent under which it is done.</summary>
    public required string Intent { get; init; }

    /// <summary>The guest.</summary>
    public required Guid Guest { get; init; }

    /// <summary>The guest's name.</summary>
    public required string Name { get; init; }

    /// <summary>The domain that is to be destroyed; null for other steps.</summary>
    public int? Domain { get; init; }

    /// <summary>The disks that are to be checked, MAJOR:MINOR; none for other steps.</summary>
    public IReadOnlyList<string> Devices { get; init; } = [];

    /// <summary>What the administrator says of other hosts.</summary>
    public ExclusiveStorage Exclusive { get; init; }

    /// <summary>Where xl is.</summary>
    public required string XlProgram { get; init; }

    /// <summary>xenstored's socket.</summary>
    public required string XenstorePath { get; init; }

    /// <summary>Where files that define guests lie.</summary>
    public required IReadOnlyList<string> ConfigFolders { get; init; }

    /// <summary>Where xl keeps its logs.</summary>
    public required string LogFolder { get; init; }

    /// <summary>The boot of the host in which it is ordered: it is not for another.</summary>
    public required string HostBoot { get; init; }

    /// <summary>
    /// It must have begun by then, in milliseconds of the host's uptime: a step that the service manager starts late
    /// would act when nobody expects it any more.
    /// </summary>
    public required long BeginByMs { get; init; }
}

/// <summary>A disk of a domain, noted while the domain ran.</summary>
/// <param name="Device">MAJOR:MINOR; empty when it has none of this host.</param>
/// <param name="Name">The backend's node for it, for a person.</param>
/// <param name="IsWritable">Whether the guest may write to it.</param>
/// <param name="Identity">What tells it from any other, with its size; null when that was not known.</param>
internal sealed record NotedDisk(string Device, string Name, bool IsWritable, string? Identity);

/// <summary>
/// The proof that our own hand destroyed a domain: written when xl said so, before anything else is done.
/// </summary>
internal sealed record DestroyRecord
{
    /// <summary>The intent.</summary>
    public required string Intent { get; init; }

    /// <summary>The guest.</summary>
    public required Guid Guest { get; init; }

    /// <summary>The guest's name.</summary>
    public required string Name { get; init; }

    /// <summary>The domain.</summary>
    public required int Domain { get; init; }

    /// <summary>The boot of this host.</summary>
    public required string HostBoot { get; init; }

    /// <summary>When, on the wall clock.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The file that defines the guest.</summary>
    public required string ConfigFile { get; init; }

    /// <summary>Its disks.</summary>
    public required IReadOnlyList<NotedDisk> Disks { get; init; }

    /// <summary>
    /// The <see cref="Steps.CreationLog"/> then, or after our own last attempt to create it: another one is somebody
    /// else's. Null when there was none.
    /// </summary>
    public required string? CreationLog { get; init; }
}

/// <summary>How a step ended: written whole or not at all, as the last thing that its process does.</summary>
internal sealed record StepOutcome
{
    /// <summary>How.</summary>
    public required StepResult Result { get; init; }

    /// <summary>Why not, for a person; empty when it is done.</summary>
    public required string Reason { get; init; }

    /// <summary>e2fsck's exit code; null for other steps, and when it did not run to its end.</summary>
    public int? ExitCode { get; init; }

    /// <summary>What is worth telling a person of a step that is done.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    /// <summary>It is done.</summary>
    public static StepOutcome Done { get; } = new() { Result = StepResult.Done, Reason = string.Empty };

    /// <summary>Nothing was touched.</summary>
    public static StepOutcome Refused(string reason) => new() { Result = StepResult.Refused, Reason = reason };

    /// <summary>It was tried.</summary>
    public static StepOutcome Failed(string reason) => new() { Result = StepResult.Failed, Reason = reason };

    /// <summary>As the bridge's core takes it.</summary>
    public StepAnswer ToAnswer() => new(Result, Reason);
}

/// <summary>The arguments that were given to a guest's next boot, and are to be taken back when it came.</summary>
/// <param name="Guest">The guest.</param>
/// <param name="Domain">The domain that was to boot anew; the next one has another number.</param>
/// <param name="HostBoot">The boot of this host.</param>
internal sealed record ArmedBoot(Guid Guest, int Domain, string HostBoot);

/// <summary>How these records stand in files.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, UseStringEnumConverter = true)]
[JsonSerializable(typeof(StepOrder))]
[JsonSerializable(typeof(DestroyRecord))]
[JsonSerializable(typeof(StepOutcome))]
[JsonSerializable(typeof(ArmedBoot))]
internal sealed partial class StepJson : JsonSerializerContext;
