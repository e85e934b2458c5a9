using HostBridge.Recovery;
using HostBridge.Toolstacks.Parsing;

namespace HostBridge.Toolstacks.Steps;

/// <summary>
/// Creates a guest that was destroyed under the same intent: by the same file, with its own uuid, and, unless its disks
/// were checked from here, with a forced check of its filesystems where Dom0 sets its kernel's arguments.
/// </summary>
internal sealed class CreateStep(StepOrder order, StepFolder folder, Xl xl)
{
    /// <summary>Does it.</summary>
    public async Task<StepOutcome> RunAsync()
    {
        if (folder.ReadDestroyed(order.Intent) is not { } record
            || folder.ReadOutcome(order.Intent, StepKind.Destroy) is not { Result: StepResult.Done })
        {
            return StepOutcome.Refused("its domain was not destroyed under this intent");
        }

        if (record.Guest != order.Guest || record.HostBoot != order.HostBoot)
        {
            return StepOutcome.Refused("its domain was destroyed before this host booted");
        }

        XlAnswer<IReadOnlyList<XlDomain>> listed = await xl.ListAsync(CancellationToken.None).ConfigureAwait(false);
        if (listed.Value is not { } domains)
        {
            return StepOutcome.Failed(listed.Problem!);
        }

        return StateOf(domains, record) is { } outcome ? outcome
            : CreationLog.IdentityOf(order.LogFolder, record.Name) != record.CreationLog
                ? StepOutcome.Refused($"{OfflineGate.CreatedSince}, and it is gone again")
            : await CreateAsync(record).ConfigureAwait(false);
    }

    private async Task<StepOutcome> CreateAsync(DestroyRecord record)
    {
        if (KernelArguments.Setting("uuid", order.Guest.ToString("D")) is not { } uuid)
        {
            return StepOutcome.Refused("its uuid cannot be written");
        }

        XlAnswer<XlDomainConfig> plain = await xl.TryCreateAsync(record.ConfigFile, [uuid], CancellationToken.None)
            .ConfigureAwait(false);
        if (plain.Value is not { } defined)
        {
            return StepOutcome.Failed(plain.Problem!);
        }

        if (defined.Name != record.Name || defined.Uuid != order.Guest)
        {
            return StepOutcome.Refused(
                $"{record.ConfigFile} makes {defined.Name} ({defined.Uuid:D}), not {record.Name} ({order.Guest:D})");
        }

        // A check of large disks takes hours: not twice.
        BootSettings boot = folder.ReadOutcome(order.Intent, StepKind.Check) is { Result: StepResult.Done, ExitCode: { } }
            ? new BootSettings([uuid], "its disks were checked from Dom0")
            : await BootSettings.FindAsync(xl, record.ConfigFile, defined, CancellationToken.None).ConfigureAwait(false);
        if (boot.IsForced)
        {
            folder.WriteArmed(new ArmedBoot(order.Guest, record.Domain, order.HostBoot));
        }

        string? complaint = await xl.CreateAsync(record.ConfigFile, boot.Settings, CancellationToken.None)
            .ConfigureAwait(false);
        folder.WriteDestroyed(record with { CreationLog = CreationLog.IdentityOf(order.LogFolder, record.Name) });
        XlAnswer<IReadOnlyList<XlDomain>> listed = await xl.ListAsync(CancellationToken.None).ConfigureAwait(false);
        if (listed.Value is not { } domains)
        {
            return StepOutcome.Failed(listed.Problem!);
        }

        // What is there counts, not what xl says of it. What xl made in part it may still be taking away: the next
        // attempt begins with another look.
        StepOutcome outcome = StateOf(domains, record) switch
        {
            null => StepOutcome.Failed(complaint ?? $"xl create {record.ConfigFile} says that it did, and there is no domain"),
            { Result: StepResult.Refused } seen => StepOutcome.Failed($"{seen.Reason}{(complaint is null ? "" : $"; {complaint}")}"),
            var seen => seen,
        };
        return outcome.Result == StepResult.Done && boot.WhyNot is { } whyNot
            ? outcome with { Remarks = [$"its boot was given no forced check: {whyNot}"] }
            : outcome;
    }

    /// <summary>What the list says of the guest; null when it is not there, and nothing is in its way.</summary>
    private StepOutcome? StateOf(IReadOnlyList<XlDomain> domains, DestroyRecord record)
    {
        XlDomain[] own = [.. domains.Where(domain => domain.Uuid == order.Guest)];
        return own switch
        {
            [] when domains.FirstOrDefault(domain => domain.Name == record.Name) is { } other
                => StepOutcome.Refused($"domain {other.Domain} has its name and another uuid ({other.Uuid:D})"),
            [] => null,
            [{ IsDying: true } dying] => StepOutcome.Failed($"domain {dying.Domain} of its uuid is still dying"),
            [{ IsShutDown: true } ended] => StepOutcome.Failed($"domain {ended.Domain} of its uuid has ended already"),
            [{ IsPaused: true } paused] => StepOutcome.Refused(
                $"domain {paused.Domain} of its uuid is paused: made in part, or paused by somebody; look at it with xl"),
            [var one] when one.Domain.Value == record.Domain => StepOutcome.Failed($"domain {one.Domain} is there again"),
            [_] => StepOutcome.Done,
            _ => StepOutcome.Refused("several domains have its uuid"),
        };
    }
}
