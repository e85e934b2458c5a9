using System.Globalization;
using GuestAgent.Detection;
using GuestAgent.Linux;

namespace GuestAgent.Probing;

/// <summary>One process and no other that may get its id later.</summary>
/// <param name="ProcessId">Its id.</param>
/// <param name="StartTicks">When it started, in clock ticks since boot: field 22 of <c>/proc/PID/stat</c>.</param>
internal readonly record struct ProcessIdentity(int ProcessId, long StartTicks);

/// <summary>
/// Probe processes as /proc shows them. A thread that is stuck in the kernel stays when its process is killed: the
/// process is a zombie then, its pipes stay open, and the thread goes on where it is once the device answers. Each
/// worker thread carries the name of its filesystem, by which it is found. Nothing read here touches a filesystem
/// or the memory of the process.
/// </summary>
internal sealed class ProbeWorkers(PathRoot paths)
{
    private const int StateField = 0; // of the fields behind the name: proc(5) counts it as 3
    private const int StartTicksField = 19; // proc(5): 22

    /// <summary>The name of the thread that probes a filesystem: 15 bytes at most (TASK_COMM_LEN).</summary>
    public static string ThreadName(DeviceNumber device)
        => string.Create(CultureInfo.InvariantCulture, $"probe-{device.Major:x}:{device.Minor:x}");

    /// <summary>A process by its id; null when there is none.</summary>
    public ProcessIdentity? Identify(int processId)
        => StatFields(processId) is { } fields
            && long.TryParse(fields[StartTicksField], NumberStyles.None, CultureInfo.InvariantCulture, out long ticks)
                ? new ProcessIdentity(processId, ticks)
                : null;

    /// <summary>Whether the process has ended but for threads that are stuck.</summary>
    public bool IsZombie(ProcessIdentity worker)
        => StatFields(worker.ProcessId) is { } fields && fields[StateField] is "Z" or "X";

    /// <summary>Whether the process still has the thread that probes this filesystem.</summary>
    public bool Probes(ProcessIdentity worker, DeviceNumber device) => ThreadOf(worker, device) is not null;

    /// <summary>The folder in /proc of the thread that probes a filesystem; null when there is none.</summary>
    public string? ThreadOf(ProcessIdentity worker, DeviceNumber device)
    {
        if (Identify(worker.ProcessId) != worker)
        {
            return null;
        }

        string name = ThreadName(device);
        try
        {
            return Directory.EnumerateDirectories(paths.Proc($"{worker.ProcessId}/task"))
                .FirstOrDefault(thread => SmallFile.TryReadText($"{thread}/comm") == name);
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>The fields behind the name, which may hold blanks and parentheses itself.</summary>
    private string[]? StatFields(int processId)
    {
        string? stat = SmallFile.TryReadText(paths.Proc($"{processId}/stat"));
        string[]? fields = stat?[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields?.Length > StartTicksField ? fields : null;
    }
}
