using HostBridge.Recovery;
using HostBridge.Toolstacks.Parsing;

namespace HostBridge.Toolstacks;

/// <summary>A guest's domain that could be created again.</summary>
/// <param name="File">The file that defines it.</param>
/// <param name="Running">The domain that runs, in xl's words.</param>
/// <param name="Defined">What the file makes, in xl's words.</param>
internal sealed record CreatableGuest(string File, XlDomainConfig Running, XlDomainConfig Defined);

/// <summary>A guest that could be created again, or why not.</summary>
/// <param name="Guest">The guest; null when it could not.</param>
/// <param name="Answer">Why not; done when it could.</param>
internal readonly record struct Creatability(CreatableGuest? Guest, StepAnswer Answer)
{
    /// <summary>
    /// Whether a running domain could be created again: its file is found, xl accepts it, and it means the same name,
    /// uuid and disks. Changes nothing.
    /// </summary>
    public static async Task<Creatability> OfAsync(
        Xl xl, GuestConfigs configs, GuestIdentity guest, DomainId domain, CancellationToken cancellationToken)
    {
        XlAnswer<XlDomainConfig> running = await xl.DescribeAsync(domain, cancellationToken).ConfigureAwait(false);
        if (running.Value is not { } config)
        {
            return new Creatability(null, new StepAnswer(StepResult.Failed, running.Problem!));
        }

        if (config.Uuid != guest.Uuid)
        {
            return Refused($"domain {domain} is {config.Name} ({config.Uuid:D}), not this guest");
        }

        if (configs.Find(config.Name, out string? problem) is not { } file)
        {
            return Refused(problem!);
        }

        XlAnswer<XlDomainConfig> defined = await xl.TryCreateAsync(file.Path, [], cancellationToken)
            .ConfigureAwait(false);
        if (defined.Value is not { } made)
        {
            return Refused(defined.Problem!);
        }

        IReadOnlyList<string> differences = XlConfigRules.Differences(config, made, file.First("uuid"));
        return differences.Count == 0
            ? new Creatability(new CreatableGuest(file.Path, config, made), StepAnswer.Done)
            : Refused($"{file.Path} does not mean the domain that runs: {string.Join("; ", differences)}");
    }

    private static Creatability Refused(string reason) => new(null, new StepAnswer(StepResult.Refused, reason));
}
