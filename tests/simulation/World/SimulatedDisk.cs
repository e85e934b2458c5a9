using HostBridge.Recovery;

namespace Simulation.World;

/// <summary>One disk of the SAN as it really is, and what this host's readers see of it.</summary>
internal sealed class SimulatedDisk(int number, string lunGroup)
{
    private DiskCondition? _well;
    private bool _wasSeenDown;

    /// <summary>Its number in Dom0.</summary>
    public DeviceNumber Device { get; } = new(8, 16 * number);

    /// <summary>What it shares its fate with.</summary>
    public string LunGroup => lunGroup;

    /// <summary>Whether reads and writes reach it.</summary>
    public bool IsUp { get; private set; } = true;

    /// <summary>Whether it only says that it is up.</summary>
    public bool Lies { get; private set; }

    /// <summary>Since when it is as it is.</summary>
    public TimeSpan Since { get; private set; }

    /// <summary>When the last outage that this host noticed was over; null before the first.</summary>
    public TimeSpan? NoticedOutageEndedAt { get; private set; }

    /// <summary>When an outage between two looks was over, which only the kernel's log tells of.</summary>
    public TimeSpan? InterruptedAt { get; private set; }

    /// <summary>When this host last saw a fault of it, by state or by log; null when it never did.</summary>
    public TimeSpan? FaultSeenAt { get; private set; }

    /// <summary>When it last really failed; null when it never did.</summary>
    public TimeSpan? FailedAt { get; private set; }

    /// <summary>Which disk it is; another one when somebody changed the mapping in the array.</summary>
    public string Identity { get; private set; } = $"naa.{number}";

    /// <summary>Whether somebody mounted it in Dom0.</summary>
    public bool IsMountedHere { get; set; }

    /// <summary>Its size in bytes.</summary>
    public long SizeBytes { get; } = (1L + number) << 35;

    /// <summary>How many outages it had.</summary>
    public int Outages { get; private set; }

    /// <summary>What this host sees when it looks.</summary>
    public bool LooksUp => IsUp || Lies;

    /// <summary>It fails.</summary>
    public void Fail(TimeSpan now)
    {
        if (IsUp)
        {
            (IsUp, Since, FailedAt) = (false, now, now);
            Outages++;
        }
    }

    /// <summary>It says that it is back, and is not.</summary>
    public void Lie(TimeSpan now)
    {
        if (!IsUp && !Lies)
        {
            Lies = true;
            EndOutage(now);
        }
    }

    /// <summary>It is back.</summary>
    public void Return(TimeSpan now)
    {
        if (!IsUp)
        {
            EndOutage(now);
            (IsUp, Since, Lies, FailedAt) = (true, now, false, now);
        }
    }

    /// <summary>It was away for less than the time between two looks, and the kernel's log tells of it.</summary>
    public void Interrupt(TimeSpan now)
    {
        (InterruptedAt, NoticedOutageEndedAt, FaultSeenAt, FailedAt) = (now, now, now, now);
        _well = null;
    }

    /// <summary>Somebody maps another LUN there, or the first one again.</summary>
    public void ChangeIdentity(bool isOther)
    {
        Identity = isOther ? $"naa.{number}-other" : $"naa.{number}";
        _well = null;
    }

    /// <summary>What one look of this host finds.</summary>
    /// <param name="now">This moment.</param>
    /// <param name="bridgeStart">When the bridge began, from which its clock counts.</param>
    public DiskCondition Look(TimeSpan now, TimeSpan bridgeStart)
    {
        if (!LooksUp)
        {
            FaultSeenAt = now;
            _wasSeenDown = true;
            _well = null;
            return new DiskCondition(Device, Operational: false, "session FAILED", [lunGroup])
            {
                Fault = new HostFault(now - bridgeStart, "session FAILED"),
                Identity = Identity,
                SizeBytes = SizeBytes,
            };
        }

        return _well ??= new DiskCondition(Device, Operational: true, "session LOGGED_IN", [lunGroup])
        {
            Fault = FaultSeenAt is { } seen ? new HostFault(seen - bridgeStart, "connection error") : null,
            InterruptedAt = InterruptedAt - bridgeStart,
            Identity = Identity,
            SizeBytes = SizeBytes,
        };
    }

    /// <summary>The bridge's clock begins anew.</summary>
    public void BridgeStarted() => _well = null;

    private void EndOutage(TimeSpan now)
    {
        NoticedOutageEndedAt = _wasSeenDown ? now : NoticedOutageEndedAt;
        _wasSeenDown = false;
    }
}
