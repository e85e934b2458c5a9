using System.Runtime.InteropServices;

namespace GuestAgent.Linux;

/// <summary>
/// The agent works for less than a hundredth of the time. In a guest under load it would wait behind the work of others
/// each time that it wakes: itself and its probe process, eight times between the kernel's line about an abort and the
/// report.
/// </summary>
internal static partial class ProcessorShare
{
    private const int Process = 0; // PRIO_PROCESS, sys/resource.h
    private const int Self = 0;
    private const int Usual = 0;
    private const int Preferred = -10; // nice(1)

    // systemd sets it for the services of Type=notify, as the agent's is; unlike INVOCATION_ID no child keeps it.
    private const string ServiceManager = "NOTIFY_SOCKET";

    /// <summary>
    /// Goes before others, unless a priority was chosen for the agent or the privilege for it is missing. Chosen is
    /// what the service manager set (systemd's <c>Nice=</c>) and any negative value; a positive one without a service
    /// manager was inherited, from a package upgrade under nice(1) for example. Called before threads and processes
    /// are started, which inherit it.
    /// </summary>
    public static void Prefer()
    {
        bool isUnderManager = Environment.GetEnvironmentVariable(ServiceManager) is not null;
        int niceness = GetPriority(Process, Self);
        if (niceness == Usual || (niceness > Usual && !isUnderManager))
        {
            _ = SetPriority(Process, Self, Preferred);
        }
    }

    /// <summary>Takes <see cref="Prefer"/> back: what a remedy executes is ordinary work.</summary>
    public static void Undo()
    {
        if (GetPriority(Process, Self) == Preferred)
        {
            _ = SetPriority(Process, Self, Usual);
        }
    }

    [LibraryImport("libc", EntryPoint = "getpriority")]
    private static partial int GetPriority(int which, int who);

    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, int who, int priority);
}
