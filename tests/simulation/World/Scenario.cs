using HostBridge.Recovery;
using Simulation.Engine;

namespace Simulation.World;

/// <summary>What a seed draws before anything happens.</summary>
internal sealed record Scenario
{
    /// <summary>How many guests, 1 to 8.</summary>
    public required int Guests { get; init; }

    /// <summary>How many LUN groups their disks are spread over.</summary>
    public required int LunGroups { get; init; }

    /// <summary>How long things go wrong.</summary>
    public required TimeSpan FaultsFor { get; init; }

    /// <summary>How often the bridge looks at the disks and turns.</summary>
    public required TimeSpan TurnInterval { get; init; }

    /// <summary>After what time without its disk a guest's writes fail.</summary>
    public required TimeSpan ReplacementTimeout { get; init; }

    /// <summary>How many of a thousand events on the way between guests and bridge are lost or repeated.</summary>
    public required int LinkFaults { get; init; }

    /// <summary>How often the bridge may crash between two effects.</summary>
    public required int Crashes { get; init; }

    /// <summary>The mean time between two faults.</summary>
    public required TimeSpan FaultInterval { get; init; }

    /// <summary>Whether nothing goes wrong but what the scenario itself does.</summary>
    public bool IsKind { get; init; }

    /// <summary>The policy.</summary>
    public required RecoveryPolicy Policy { get; init; }

    /// <summary>Draws one.</summary>
    public static Scenario Draw(Prng chance, Safeguards safeguards)
    {
        // Most seeds have deadlines of minutes instead of hours: what is tried in them is the order of things.
        bool isShort = chance.Chance(900);
        TimeSpan turn = chance.Chance(30) ? TimeSpan.FromSeconds(1) : TimeSpan.FromSeconds(chance.Between(8, 18));
        int guests = 1 + Math.Min(chance.Below(8), chance.Below(8));
        return new Scenario
        {
            Guests = guests,
            LunGroups = chance.Between(1, 3),
            FaultsFor = isShort ? chance.Seconds(400, 1100) : chance.Seconds(1500, 6000),
            TurnInterval = turn,
            ReplacementTimeout = chance.Seconds(5, 60),
            LinkFaults = chance.Chance(500) ? 0 : chance.Between(5, 120),
            Crashes = chance.Chance(500) ? 0 : chance.Between(1, 4),
            FaultInterval = chance.Seconds(40, 300),
            Policy = DrawPolicy(chance, turn, isShort, guests) with { Safeguards = safeguards },
        };
    }

    private static RecoveryPolicy DrawPolicy(Prng chance, TimeSpan turn, bool isShort, int guests)
    {
        var own = new Dictionary<string, GuestPolicy>(StringComparer.Ordinal);
        for (int number = 1; number <= guests; number++)
        {
            own[$"guest{number}"] = DrawGuestPolicy(chance);
        }

        RecoveryPolicy policy = new()
        {
            Guests = own,
            Mode = chance.Chance(900) ? BridgeMode.Recover : BridgeMode.Observe,
            ActWithoutHostEvidence = chance.Chance(200),
            StableFor = chance.Seconds(10, 45),
            DiskCheckValidFor = turn * 4,
            MaxPerLunGroup = chance.Between(1, 2),
            MaxPerHost = chance.Between(1, 4),
            MaxPerGuest = chance.Between(1, 3),
            BudgetWindow = chance.Chance(300) ? chance.Seconds(600, 3600) : TimeSpan.FromHours(6),
            Spacing = chance.Seconds(10, 120),
            SlotHeldFor = chance.Seconds(120, 600),
            HungPatience = chance.Seconds(120, 600),
            GraceAfterBoot = chance.Seconds(0, 60),
            OldBootPatience = chance.Seconds(20, 120),
            MaxFailures = chance.Between(2, 5),
            MaintenanceWindows = chance.Chance(100) ? [DrawWindow(chance)] : [],
        };
        return !isShort
            ? policy
            : policy with
            {
                HostEvidenceWindow = chance.Seconds(300, 3600),
                RepairDeadline = chance.Seconds(100, 400),
                RebootDeadline = chance.Seconds(100, 400),
                CheckTimePerTebibyte = chance.Seconds(100, 600),
                LongestCheck = chance.Seconds(600, 1200),
                NoDomainDeadline = chance.Seconds(60, 300),
                DownDeadline = chance.Seconds(200, 600),
                ResumeDeadline = chance.Seconds(200, 600),
                BreakerCoolDown = chance.Seconds(200, 600),
            };
    }

    private static GuestPolicy DrawGuestPolicy(Prng chance) => new()
    {
        Mode = chance.Chance(60) ? BridgeMode.Observe : null,
        Priority = chance.Chance(200) ? GuestPriority.Infrastructure : GuestPriority.Normal,
        AllowDestroy = chance.Chance(750),
        OfflineCheck = chance.Chance(800),
        ExclusiveStorage = chance.Chance(750) ? ExclusiveStorage.Yes : (ExclusiveStorage)chance.Below(3),
        ActWithoutHostEvidence = chance.Chance(100) ? chance.Chance(500) : null,
        AcceptUnforcedReboot = chance.Chance(300),
        RebootForData = chance.Chance(150),
    };

    private static MaintenanceWindow.Once DrawWindow(Prng chance)
    {
        DateTimeOffset begins = SimulatedWorld.Epoch + chance.Seconds(100, 800);
        return new MaintenanceWindow.Once(begins, begins + chance.Seconds(50, 500));
    }
}
