using System.Text;
using HostBridge.Correlation;
using HostBridge.Recovery;
using HostBridge.Storage;
using HostBridge.Storage.Judging;
using HostBridge.Storage.Parsing;
using Xunit;

namespace Tests.Unit.Bridge.Storage.Fixtures;

/// <summary>
/// A host's storage, looked at once a second, and the guests on it: from sysfs to the gate, without a clock and
/// without a device. Direct reads return at once, unless a test says otherwise.
/// </summary>
internal sealed class StorageStory : IDisposable
{
    private readonly Dictionary<int, GuestDisks> _guests = [];
    private readonly KernelFaults _log = new();
    private readonly DiskBook _book = new(TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(20));
    private readonly LineInbox _lines = new();
    private readonly HashSet<DeviceNumber> _vouchedFor = [];
    private readonly StorageSurvey _survey;
    private TimeSpan _now = TimeSpan.FromHours(1);
    private Dictionary<DeviceNumber, DiskCondition> _conditions = [];

    public StorageStory() => _survey = new StorageSurvey(Tree.Files, _vouchedFor, _log, Reads);

    public SysfsTree Tree { get; } = new();

    public ReadBook Reads { get; } = new();

    public TimeSpan Now => _now;

    public MultipathView Multipathd { get; set; } = MultipathView.None;

    /// <summary>How a device answers a direct read: null is well; a text is an error; "hangs" never returns.</summary>
    public Dictionary<DeviceNumber, string> Answers { get; } = [];

    public List<DeviceNumber> WasRead { get; } = [];

    /// <summary>Hears what every look found, as the bridge's loop does.</summary>
    public Action<IReadOnlyList<DiskCondition>, IReadOnlyList<HostLine>>? Looked { get; set; }

    public void Dispose() => Tree.Dispose();

    public StorageStory Guest(int domain, params DeviceNumber[] disks)
    {
        _guests[domain] = new GuestDisks(disks, []);
        foreach (DeviceNumber disk in disks)
        {
            Tree.Backend(domain, disk, 51712 + (16 * Array.IndexOf(disks, disk)));
        }

        return this;
    }

    /// <summary>A guest that may only read some of its disks.</summary>
    public StorageStory GuestThatReads(int domain, DeviceNumber[] readOnly, params DeviceNumber[] others)
    {
        Guest(domain, [.. others, .. readOnly]);
        _guests[domain] = _guests[domain] with { ReadOnly = readOnly };
        return this;
    }

    /// <summary>A guest whose disks are not all served by a block device of this host.</summary>
    public StorageStory Guest(int domain, GuestDisks disks)
    {
        _guests[domain] = disks;
        return this;
    }

    public void Vouch(DeviceNumber disk) => _vouchedFor.Add(disk);

    public void Kernel(string text, int facility = 0)
    {
        string record = $"{(facility << 3) | 6},1,1000,-;{text}\n";
        if (StorageLines.Understand(KernelRecord.Parse(Encoding.ASCII.GetBytes(record))!.Value) is { } line)
        {
            _log.Take(line, _now);
            _lines.Add(line, _now);
        }
    }

    public StorageStory Wait(int seconds)
    {
        for (int second = 0; second < seconds; second++)
        {
            Pass(TimeSpan.FromSeconds(1));
        }

        return this;
    }

    /// <summary>Lets time pass and looks.</summary>
    public StorageStory Pass(TimeSpan time)
    {
        _now += time;
        Look();
        return this;
    }

    /// <summary>From now on everything has been well for long enough.</summary>
    public StorageStory Settle() => Wait(32);

    public DiskCondition Of(DeviceNumber disk) => _conditions[disk];

    public StorageView View(int domain) => _book.Judge(new DomainId(domain), _guests[domain], _now);

    public StorageGate.Open Open(int domain) => Assert.IsType<StorageGate.Open>(View(domain).Gate);

    public string Closed(int domain) => Assert.IsType<StorageGate.Closed>(View(domain).Gate).Reasons;

    /// <summary>The domains whose gate is closed.</summary>
    public int[] Affected() => [.. _guests.Keys.Where(domain => View(domain).Gate is StorageGate.Closed).Order()];

    private void Look()
    {
        DeviceNumber[] disks = [.. _guests.Values.SelectMany(guest => guest.Devices).Distinct()];
        SurveyResult look = _survey.Look(disks, Multipathd, _now);
        _conditions = look.Conditions.ToDictionary(condition => condition.Device);
        foreach (DiskCondition condition in look.Conditions)
        {
            _book.Update(condition, _now);
        }

        Looked?.Invoke(look.Conditions, _lines.Take(look.Disks));
        foreach (int domain in _guests.Keys)
        {
            _ = View(domain);
        }

        foreach (ReadTarget target in Reads.TakeDue(_now))
        {
            WasRead.Add(target.Device);
            if (Answers.GetValueOrDefault(target.Device) is var answer && answer != "hangs")
            {
                ReadResult result = answer is null ? ReadResult.Read : ReadResult.Failed;
                Reads.Take(target.Device, result, answer ?? string.Empty, TimeSpan.FromMilliseconds(1));
            }
        }
    }
}
