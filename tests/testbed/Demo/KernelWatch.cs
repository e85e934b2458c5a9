using Testbed.Domains;
using Testbed.Linux;
using Testbed.Toolstack;

namespace Testbed.Demo;

/// <summary>Follows the kernel log, and keeps when the journal of a disk was aborted.</summary>
public sealed class KernelWatch : IAsyncDisposable
{
    private const string Abort = "Aborting journal on device ";

    // How exactly the moment of a line is known.
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(2);

    private readonly KernelLog _log = KernelLog.OpenAtEnd();
    private readonly Timeline _timeline;
    private readonly IReadOnlyList<SupervisedDomain> _guests;
    private readonly Dictionary<Disk, TimeSpan> _aborts = [];
    private readonly CancellationTokenSource _closing = new();
    private readonly Task _following;

    /// <summary>Follows from now on.</summary>
    /// <param name="timeline">Told of aborts.</param>
    /// <param name="guests">Whose disks are looked for.</param>
    public KernelWatch(Timeline timeline, IReadOnlyList<SupervisedDomain> guests)
    {
        _timeline = timeline;
        _guests = guests;
        _following = FollowAsync();
    }

    /// <summary>When the kernel said that it aborts the journal of a disk; null when it did not.</summary>
    public TimeSpan? AbortOf(Disk disk)
    {
        lock (_aborts)
        {
            return _aborts.TryGetValue(disk, out TimeSpan since) ? since : null;
        }
    }

    /// <summary>Follows no more.</summary>
    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await _following;
        _closing.Dispose();
        _log.Dispose();
    }

    private async Task FollowAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            while (_log.ReadLine() is { } line)
            {
                Take(line);
            }

            await Task.WhenAny(Task.Delay(LookAgain, _closing.Token));
        }
    }

    private void Take(string line)
    {
        foreach (SupervisedDomain guest in _guests)
        {
            foreach (Disk disk in guest.Domain.Disks)
            {
                if (line.StartsWith($"{Abort}{disk.Loop.Name}-", StringComparison.Ordinal))
                {
                    Take(guest, disk, line);
                }
            }
        }
    }

    private void Take(SupervisedDomain guest, Disk disk, string line)
    {
        TimeSpan now = _timeline.Now;
        lock (_aborts)
        {
            _aborts.TryAdd(disk, now);
        }

        string claim = guest.Boot.MountClaim(disk.Definition.MountPoint) ?? string.Empty;
        _timeline.Add(new Moment(now, guest.Domain.Definition.Name, claim, string.Empty, "kernel", line));
    }
}
