using Mono.Unix.Native;

namespace GuestAgent.Linux;

/// <summary>
/// A child on two pipes, started with posix_spawn: no thread pool, no signal handler, and no descriptor of ours
/// that is not meant for it (all are close-on-exec). Its standard error is /dev/null.
/// </summary>
internal sealed unsafe class ChildProcess : IDisposable
{
    private const int SignalBase = 128; // as shells say it: 128 + signal
    private const int UnknownExitCode = 255;
    private const int FileActionsBytes = 512; // posix_spawn_file_actions_t is 80 bytes in glibc, less elsewhere

    private ChildProcess(int processId, int input, int output)
    {
        ProcessId = processId;
        Input = input;
        Output = output;
    }

    public int ProcessId { get; }

    /// <summary>The agent's end of the child's standard input, non-blocking.</summary>
    public int Input { get; private set; }

    /// <summary>The agent's end of the child's standard output, non-blocking.</summary>
    public int Output { get; }

    /// <summary>This program again, with other arguments.</summary>
    public static ChildProcess StartSelf(params ReadOnlySpan<string> arguments)
        => Start("/proc/self/exe", arguments);

    /// <summary>Starts a program. Throws <see cref="IOException"/> naming it when it cannot be started.</summary>
    public static ChildProcess Start(string path, params ReadOnlySpan<string> arguments)
    {
        int* toChild = stackalloc int[2];
        int* fromChild = stackalloc int[2];
        if (Libc.Pipe(toChild, Libc.OpenCloseOnExec) != 0)
        {
            throw new IOException($"{path} cannot be started: no pipe ({LastErrno.Name})");
        }

        if (Libc.Pipe(fromChild, Libc.OpenCloseOnExec) != 0)
        {
            Close(toChild);
            throw new IOException($"{path} cannot be started: no pipe ({LastErrno.Name})");
        }

        int errno = Spawn(path, arguments, toChild[0], fromChild[1], out int processId);
        _ = Syscall.close(toChild[0]);
        _ = Syscall.close(fromChild[1]);
        if (errno != 0)
        {
            _ = Syscall.close(toChild[1]);
            _ = Syscall.close(fromChild[0]);
            throw new IOException($"{path} cannot be started ({LastErrno.NameOf(errno)})");
        }

        var child = new ChildProcess(processId, toChild[1], fromChild[0]);
        if (!SetNonBlocking(toChild[1]) || !SetNonBlocking(fromChild[0]))
        {
            string reason = LastErrno.Name;
            child.Dispose();
            throw new IOException($"the pipes of {path} cannot be made non-blocking ({reason})");
        }

        return child;
    }

    /// <summary>Ends the child's input, which ends it.</summary>
    public void CloseInput()
    {
        if (Input >= 0)
        {
            _ = Syscall.close(Input);
            Input = -1;
        }
    }

    /// <summary>
    /// Its exit code, once it has ended; null before. 255 when somebody else has taken it: a parent that ignored SIGCHLD
    /// has the kernel do that (waitpid(2), ECHILD). Never waits.
    /// </summary>
    public int? TryReap() => Syscall.waitpid(ProcessId, out int status, WaitOptions.WNOHANG) switch
    {
        0 => null,
        < 0 when LastErrno.Name == "EINTR" => null,
        < 0 => UnknownExitCode,
        _ => ExitCode(status),
    };

    /// <summary>
    /// Waits until it has ended; its exit code, 128 + signal when one ended it, 255 when it cannot be known.
    /// </summary>
    public int WaitForExit()
    {
        while (true)
        {
            if (Syscall.waitpid(ProcessId, out int status, 0) == ProcessId)
            {
                return ExitCode(status);
            }

            if (LastErrno.Name != "EINTR")
            {
                return UnknownExitCode;
            }
        }
    }

    public void Dispose()
    {
        CloseInput();
        _ = Syscall.close(Output);
    }

    private static int ExitCode(int status)
        => Syscall.WIFEXITED(status)
            ? Syscall.WEXITSTATUS(status)
            : SignalBase + NativeConvert.FromSignum(Syscall.WTERMSIG(status));

    private static int Spawn(string path, ReadOnlySpan<string> arguments, int input, int output, out int processId)
    {
        byte* actions = stackalloc byte[FileActionsBytes];
        _ = Libc.SpawnActionsInit(actions);
        int nothing = Syscall.open("/dev/null", OpenFlags.O_RDWR | OpenFlags.O_CLOEXEC);
        int errno = Libc.SpawnActionsDuplicate(actions, input, 0);
        errno = errno != 0 ? errno : Libc.SpawnActionsDuplicate(actions, output, 1);
        errno = errno != 0 || nothing < 0 ? errno : Libc.SpawnActionsDuplicate(actions, nothing, 2);
        using var argumentVector = new NativeStrings([path, .. arguments]);
        using var environment = new NativeStrings(["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"]);
        processId = -1;
        fixed (byte* program = SmallFile.Bytes(path))
        {
            errno = errno != 0 ? errno : Libc.Spawn(
                out processId, program, actions, null, argumentVector.Pointer, environment.Pointer);
        }

        _ = Libc.SpawnActionsDestroy(actions);
        if (nothing >= 0)
        {
            _ = Syscall.close(nothing);
        }

        return errno;
    }

    private static bool SetNonBlocking(int file)
        => Syscall.fcntl(file, FcntlCommand.F_SETFL, Libc.OpenNonBlocking) >= 0;

    private static void Close(int* ends)
    {
        _ = Syscall.close(ends[0]);
        _ = Syscall.close(ends[1]);
    }
}
