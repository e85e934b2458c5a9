using HostBridge.Doctor;
using HostBridge.Doctor.Reading;
using Tests.Unit.Bridge.Storage.Fixtures;
using Xunit;

namespace Tests.Unit.Bridge.Doctor;

/// <summary>A host in a folder, with guests, before the doctor.</summary>
internal sealed class DoctorStage : IDisposable
{
    public DoctorStage() => Tree = new SysfsTree();

    public SysfsTree Tree { get; }

    /// <summary>What multipathd is here; null for none.</summary>
    public string? Multipathd { get; set; }

    public bool? IsClockSynchronised { get; set; } = true;

    public string XenstorePath { get; set; } = "/nowhere/xenstored/socket";

    public void Dispose() => Tree.Dispose();

    /// <summary>A guest that is defined on a disk of this host, and does not run.</summary>
    public void Define(string name, string disk, string more = "")
        => Tree.Write($"etc/xen/{name}.cfg", $"name = \"{name}\"\nmemory = 512\ndisk = [ '{disk}' ]\non_crash = 'restart'\n{more}");

    public async Task<Examination> ExamineAsync(params int[] failoverSeconds)
    {
        HostSettings settings = await HostReader.ReadAsync(
            new HostSources(Tree.Root, XenstorePath, Multipathd, () => IsClockSynchronised));
        return Examination.Of(new Audit(settings, failoverSeconds.Length > 0 ? failoverSeconds : [30, 180]));
    }

    public async Task<IReadOnlyList<Finding>> FindAsync(string rule)
        => [.. (await ExamineAsync()).Findings.Where(one => one.Rule.Name == rule).Select(one => one.Finding)];

    public async Task<Finding> FindOnlyAsync(string rule) => Assert.Single(await FindAsync(rule));

    public async Task<string> PredictAsync(string guest, int seconds)
    {
        Prediction prediction = Assert.Single(
            (await ExamineAsync(seconds)).Predictions, one => one.Guest == guest && one.FailoverSeconds == seconds);
        return $"{prediction.Outcome}: {prediction.Text}";
    }
}
