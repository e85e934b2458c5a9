using Protocol.Health;
using Testbed.Domains;
using Testbed.Toolstack;

namespace Testbed.Demo;

/// <summary>The four guests while the demonstration runs, and what is known of them.</summary>
internal sealed class DemoStage(
    SupervisedDomain a, SupervisedDomain b, SupervisedDomain c, SupervisedDomain d,
    ReportWatch reports, KernelWatch kernel, IncidentTail incidents)
{
    // e2fsck(8): 0 nothing to correct, 1 corrected.
    private const int FsckCorrected = 1;

    private static readonly string[] Acts = ["intent", "action", "outcome"];

    private Dictionary<SupervisedDomain, (int DomainId, string BootId)> _before = [];

    public SupervisedDomain A { get; } = a;

    public SupervisedDomain B { get; } = b;

    public SupervisedDomain C { get; } = c;

    public SupervisedDomain D { get; } = d;

    public IReadOnlyList<SupervisedDomain> All { get; } = [a, b, c, d];

    /// <summary>Keeps which boots ran before the faults.</summary>
    public void RememberBoots()
        => _before = All.ToDictionary(guest => guest, guest => (guest.DomainId, guest.Boot.BootId));

    /// <summary>Whether the boot that runs now last reported this verdict.</summary>
    public bool IsNow(SupervisedDomain guest, Disk disk, Verdict verdict)
        => reports.Last(guest, disk.Definition.MountPoint)?.Report.Health.Verdict == verdict;

    /// <summary>Whether the bridge has proof that the guest is well again.</summary>
    public bool IsProved(SupervisedDomain guest) => incidents.Of(Uuid(guest)).Any(incident => incident.Kind == "proof");

    /// <summary>Holds everything against what had to happen.</summary>
    public void Check(DemoChecks checks, TimeSpan detectionLimit)
    {
        Disk root = A.Domain.Root;
        Disk data = B.Domain.DiskAt(DemoGuests.DataMountPoint);
        CheckDetection(checks, "A", A, root, detectionLimit);
        CheckDetection(checks, "B", B, data, detectionLimit);

        checks.Add(BootChanged(A) && A.DomainId != _before[A].DomainId, "A: restarted, under a new boot id and domid");
        checks.Add(
            A.FsckExitCode is >= 0 and <= FsckCorrected,
            $"A: a forced e2fsck ran at the restart, exit code {A.FsckExitCode?.ToString() ?? "none"}");
        checks.Add(!BootChanged(B), "B: not restarted");
        checks.Add(HasActed(B), "B: its data filesystem was repaired in the running guest");
        checks.Add(
            IsNow(C, C.Domain.DiskAt(DemoGuests.DataMountPoint), Verdict.ReadOnlyByDesign),
            $"C: {DemoGuests.DataMountPoint} is reported as read-only-by-design");
        checks.Add(
            C.Boot.MountClaim(DemoGuests.DataMountPoint)?.StartsWith("ro", StringComparison.Ordinal) == true,
            $"C: {DemoGuests.DataMountPoint} is still read-only");
        checks.Add(
            incidents.Of(Uuid(C)).Any(one => one.Text.Contains("left alone", StringComparison.Ordinal)),
            "C: the bridge says that it leaves it alone");
        checks.Add(!BootChanged(C) && !HasActed(C), "C: left alone");
        checks.Add(!BootChanged(D) && !HasActed(D), "D: left alone");
    }

    private void CheckDetection(DemoChecks checks, string name, SupervisedDomain guest, Disk disk, TimeSpan limit)
    {
        TimeSpan? abort = kernel.AbortOf(disk);
        SeenReport? report = reports.First(
            Uuid(guest),
            disk.Definition.MountPoint,
            seen => seen.Report.Health.Verdict == Verdict.JournalAborted);
        TimeSpan? took = report?.Since - abort;
        checks.Add(
            took < limit,
            $"{name}: from the kernel's abort to the report in xenstore: "
            + $"{took?.TotalMilliseconds.ToString("0") ?? "?"} ms (limit {limit.TotalMilliseconds:0} ms)");
        checks.Add(
            report?.Report.Health is { Hidden: true, Claims: MountClaim.Rw },
            $"{name}: the report says that the mount table hides it");
    }

    private bool BootChanged(SupervisedDomain guest) => guest.Boot.BootId != _before[guest].BootId;

    private bool HasActed(SupervisedDomain guest)
        => incidents.Of(Uuid(guest)).Any(incident => Acts.Contains(incident.Kind));

    private static Guid Uuid(SupervisedDomain guest) => guest.Domain.Definition.Uuid;
}
