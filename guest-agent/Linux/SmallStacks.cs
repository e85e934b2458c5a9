using System.Runtime.InteropServices;

namespace GuestAgent.Linux;

/// <summary>
/// Memory that is locked is memory that is used: the whole stack of every thread, 8 MiB by the usual limit. The C
/// library reads the limit before the first line of this program, and the runtime has threads by then; so the program
/// sets it and starts itself anew in the same process. What it starts inherits it.
/// </summary>
internal static unsafe partial class SmallStacks
{
    private const int StackLimit = 3; // RLIMIT_STACK, sys/resource.h
    private const ulong StackBytes = 512 * 1024;

    [StructLayout(LayoutKind.Sequential)]
    private struct Limit
    {
        public ulong Soft;
        public ulong Hard;
    }

    /// <summary>
    /// Starts the program anew unless it runs with small stacks already. Returns only when it does, or when it
    /// cannot be helped: then it runs all the same, and takes more memory.
    /// </summary>
    public static void Ensure(ReadOnlySpan<string> arguments)
    {
        var limit = default(Limit);
        if (GetLimit(StackLimit, &limit) != 0 || limit.Soft <= StackBytes)
        {
            return;
        }

        // The hard limit stays: what a remedy executes may take its stack back.
        limit.Soft = StackBytes;
        if (SetLimit(StackLimit, &limit) == 0 && Environment.ProcessPath is { } program)
        {
            fixed (byte* path = SmallFile.Bytes(program))
            {
                using var argumentVector = new NativeStrings([Environment.GetCommandLineArgs()[0], .. arguments]);
                _ = Execute(path, argumentVector.Pointer);
            }
        }
    }

    /// <summary>Gives the programs that this process executes from now on their usual stacks.</summary>
    public static void Undo()
    {
        var limit = default(Limit);
        if (GetLimit(StackLimit, &limit) == 0)
        {
            const ulong usual = 8 * 1024 * 1024;
            limit.Soft = Math.Min(usual, limit.Hard);
            _ = SetLimit(StackLimit, &limit);
        }
    }

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int GetLimit(int resource, Limit* limit);

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    private static partial int SetLimit(int resource, Limit* limit);

    [LibraryImport("libc", EntryPoint = "execv", SetLastError = true)]
    private static partial int Execute(byte* path, byte** arguments);
}
