using HostBridge.Recovery;
using HostBridge.Storage;
using HostBridge.Storage.Judging;
using HostBridge.Toolstacks.Parsing;

namespace HostBridge.Toolstacks.Steps;

/// <summary>
/// Destroys a domain that still is the guest's and could be created again, and waits until it is gone. What proves that
/// it was our own hand is written as soon as xl says so.
/// </summary>
internal sealed class DestroyStep(
    StepOrder order, StepFolder folder, Xl xl, GuestConfigs configs, BackendUses uses, HostFiles files)
{
    private static readonly TimeSpan GoneLimit = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(0.5);

    /// <summary>Does it.</summary>
    public async Task<StepOutcome> RunAsync()
    {
        DestroyRecord? record = folder.ReadDestroyed(order.Intent);
        if (record is not null && (record.Guest != order.Guest || record.HostBoot != order.HostBoot))
        {
            return StepOutcome.Refused("its domain was destroyed before this host booted");
        }

        XlAnswer<IReadOnlyList<XlDomain>> listed = await xl.ListAsync(CancellationToken.None).ConfigureAwait(false);
        if (listed.Value is not { } domains)
        {
            return StepOutcome.Failed(listed.Problem!);
        }

        XlDomain[] own = [.. domains.Where(domain => domain.Uuid == order.Guest)];
        if (record is not null)
        {
            return own.Any(domain => domain.Domain.Value != record.Domain)
                ? StepOutcome.Refused($"it was destroyed, and runs again: {Text(own)}")
                : await WaitUntilGoneAsync(record.Domain).ConfigureAwait(false);
        }

        return WhyNot(own) is { } reason
            ? StepOutcome.Refused(reason)
            : await DestroyAsync(own[0].Domain).ConfigureAwait(false);
    }

    private string? WhyNot(XlDomain[] own) => own switch
    {
        [] => "its domain is not on this host any more, and it was not this bridge that destroyed it",
        [var domain] when domain.Domain.Value != order.Domain
            => $"it runs in domain {domain.Domain} now, not in {order.Domain}",
        [{ IsDying: true } domain] => $"domain {domain.Domain} is being destroyed by somebody else",
        [{ IsShutDown: true } domain] => $"domain {domain.Domain} has ended by itself; xl does with it what its file says",
        [_] => null,
        _ => $"several domains have its uuid: {Text(own)}",
    };

    private async Task<StepOutcome> DestroyAsync(DomainId domain)
    {
        var guest = new GuestIdentity(order.Guest, order.Name);
        Creatability creatable = await Creatability.OfAsync(xl, configs, guest, domain, CancellationToken.None)
            .ConfigureAwait(false);
        if (creatable.Guest is not { } again)
        {
            return new StepOutcome { Result = creatable.Answer.Result, Reason = creatable.Answer.Reason };
        }

        IReadOnlyList<NotedDisk> disks = await NoteDisksAsync(domain).ConfigureAwait(false);
        if (await xl.DestroyAsync(domain, CancellationToken.None).ConfigureAwait(false) is { } complaint)
        {
            // It may have been done in part. Nothing proves whose hand it was, should the domain be gone.
            return StepOutcome.Failed(complaint);
        }

        XlAnswer<IReadOnlyList<XlDomain>> listed = await xl.ListAsync(CancellationToken.None).ConfigureAwait(false);
        if (listed.Value is { } domains
            && domains.FirstOrDefault(one => one.Domain == domain) is { IsDying: false } stillThere)
        {
            return StepOutcome.Failed($"xl says that it destroyed domain {stillThere.Domain}, and it is still there");
        }

        folder.WriteDestroyed(new DestroyRecord
        {
            Intent = order.Intent,
            Guest = order.Guest,
            Name = again.Running.Name,
            Domain = domain.Value,
            HostBoot = order.HostBoot,
            At = TimeProvider.System.GetUtcNow(),
            ConfigFile = again.File,
            Disks = disks,
            CreationLog = CreationLog.IdentityOf(order.LogFolder, again.Running.Name),
        });
        return await WaitUntilGoneAsync(domain.Value).ConfigureAwait(false);
    }

    /// <summary>A dying domain still has I/O and grants in flight; and xl itself may be about to restart it.</summary>
    private async Task<StepOutcome> WaitUntilGoneAsync(int domain)
    {
        TimeProvider time = TimeProvider.System;
        long began = time.GetTimestamp();
        string last = "the domains cannot be listed";
        while (time.GetElapsedTime(began) < GoneLimit)
        {
            XlAnswer<IReadOnlyList<XlDomain>> listed = await xl.ListAsync(CancellationToken.None).ConfigureAwait(false);
            if (listed.Value is { } domains)
            {
                XlDomain[] own = [.. domains.Where(one => one.Uuid == order.Guest || one.Domain.Value == domain)];
                if (own.Any(one => one.Domain.Value != domain))
                {
                    return StepOutcome.Refused($"it was destroyed, and runs again: {Text(own)}");
                }

                if (own.Length == 0)
                {
                    return StepOutcome.Done;
                }

                last = $"domain {domain} is still {(own[0].IsDying ? "dying" : "there")}";
            }
            else
            {
                last = listed.Problem!;
            }

            await Task.Delay(LookInterval, time).ConfigureAwait(false);
        }

        return StepOutcome.Failed($"{last} {GoneLimit.TotalMinutes:0} min after it was destroyed");
    }

    private async Task<IReadOnlyList<NotedDisk>> NoteDisksAsync(DomainId domain)
    {
        var stacks = new BlockStackReader(files);
        return
        [
            .. (await uses.ReadAsync().ConfigureAwait(false)).Where(use => use.Domain == domain).Select(use => new NotedDisk(
                use.Device?.ToString() ?? string.Empty,
                use.Text,
                use.IsWritable,
                use.Device is { } device ? StackNames.IdentityOf(stacks.Read(device)) : null)),
        ];
    }

    private static string Text(IEnumerable<XlDomain> domains)
        => string.Join(", ", domains.Select(domain => $"domain {domain.Domain} ({domain.Name})"));
}
