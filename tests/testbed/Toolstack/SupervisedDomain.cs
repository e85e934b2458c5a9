using Testbed.Domains;

namespace Testbed.Toolstack;

/// <summary>
/// A domain under the toolstack's supervision, as one under <c>xl</c>'s background process: restarted under a new
/// domid when it asks for that, otherwise left down.
/// </summary>
public sealed class SupervisedDomain : IAsyncDisposable
{
    // e2fsck(8): from here on errors were left, or the check could not be done.
    private const int FsckLeftErrors = 4;

    private readonly TestbedToolstack _toolstack;
    private readonly Task _supervision;
    private volatile bool _stopping;
    private volatile bool _fsckIsForced;

    private SupervisedDomain(TestbedToolstack toolstack, TestbedDomain domain, int domainId, DomainBoot boot)
    {
        _toolstack = toolstack;
        Domain = domain;
        DomainId = domainId;
        Boot = boot;
        _supervision = SuperviseAsync();
    }

    /// <summary>The domain.</summary>
    public TestbedDomain Domain { get; }

    /// <summary>Its present domid, or the last one when it is down.</summary>
    public int DomainId { get; private set; }

    /// <summary>Its present boot, or the last one when it is down.</summary>
    public DomainBoot Boot { get; private set; }

    /// <summary>e2fsck's exit code at the last start; null when there was no check.</summary>
    public int? FsckExitCode { get; private set; }

    /// <summary>Makes the next start check the filesystems of fstab, whatever state they claim.</summary>
    public void ForceFsck() => _fsckIsForced = true;

    /// <summary>Stops it and waits until it is gone.</summary>
    public async ValueTask DisposeAsync()
    {
        _stopping = true;
        await Boot.DisposeAsync();
        await _supervision;
    }

    internal static async Task<SupervisedDomain> StartAsync(TestbedToolstack toolstack, TestbedDomain domain)
    {
        (int domainId, DomainBoot boot) = await toolstack.BootAsync(domain);
        return new SupervisedDomain(toolstack, domain, domainId, boot);
    }

    private async Task SuperviseAsync()
    {
        while (true)
        {
            int exitCode = await Boot.Ended;
            DomainEnd end = DomainBoot.MeaningOf(exitCode);
            _toolstack.Release(DomainId);
            _toolstack.Tell(Domain, $"domain {DomainId} ended: {end} (exit code {exitCode})");
            if (_stopping || end != DomainEnd.Restart || !await CheckAsync())
            {
                return;
            }

            await Boot.DisposeAsync();
            (DomainId, Boot) = await _toolstack.BootAsync(Domain);
        }
    }

    /// <summary>The forced check, if one is due; false when the domain must not start after it.</summary>
    private async Task<bool> CheckAsync()
    {
        FsckExitCode = null;
        if (!_fsckIsForced)
        {
            return true;
        }

        _fsckIsForced = false;
        int exitCode = 0;
        foreach (Disk disk in Domain.Disks.Where(disk => disk.Definition.InFstab))
        {
            int one = (await disk.CheckAsync("-f", "-p")).ExitCode;
            _toolstack.Tell(Domain, $"e2fsck -f -p {disk.Loop.Path}: exit code {one}");
            exitCode |= one;
        }

        FsckExitCode = exitCode;
        return exitCode < FsckLeftErrors;
    }
}
