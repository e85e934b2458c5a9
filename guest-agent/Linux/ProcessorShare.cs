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

    /// <summary>
    /// Goes before others, unless whoever started the agent has given it a place (systemd's <c>Nice=</c>) or the
    /// privilege for it is missing. Called first of all: a thread and a process have the place of what starts them.
    /// </summary>
    public static void Prefer() => Change(Usual, Preferred);

    /// <summary>Takes <see cref="Prefer"/> back: what a remedy executes is ordinary work.</summary>
    public static void Undo() => Change(Preferred, Usual);

    private static void Change(int from, int to)
    {
        if (GetPriority(Process, Self) == from)
        {
            _ = SetPriority(Process, Self, to);
        }
    }

    [LibraryImport("libc", EntryPoint = "getpriority")]
    private static partial int GetPriority(int which, int who);

    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, int who, int priority);
}
