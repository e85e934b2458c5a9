using System.Diagnostics;
using System.Globalization;
using Testbed.Linux;

namespace Testbed.Domains;

/// <summary>How the first process of a domain ended, and so the domain's boot.</summary>
public enum DomainEnd
{
    /// <summary>It called reboot(2) to restart: the kernel ends a PID namespace by SIGHUP for that.</summary>
    Restart,

    /// <summary>It called reboot(2) to halt or power off: SIGINT.</summary>
    Halt,

    /// <summary>It ended by itself or was killed.</summary>
    Ended,
}

/// <summary>One boot of a domain: its namespaces and everything that runs in them.</summary>
public sealed class DomainBoot : IAsyncDisposable
{
    /// <summary>The options of every filesystem of a domain.</summary>
    public const string MountOptions = "rw,relatime,errors=remount-ro";

    /// <summary>The exit code of unshare when the domain asked for a restart: 128 + SIGHUP.</summary>
    public const int RestartExitCode = 129;

    /// <summary>The exit code of unshare when the domain halted: 128 + SIGINT.</summary>
    public const int HaltExitCode = 130;

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(10);

    private readonly Process _process;
    private readonly TestbedDomain _domain;

    private DomainBoot(Process process, TestbedDomain domain, string bootId)
    {
        _process = process;
        _domain = domain;
        BootId = bootId;
        Ended = WaitForEndAsync();
    }

    /// <summary>What <c>/proc/sys/kernel/random/boot_id</c> says in it: new with each boot.</summary>
    public string BootId { get; }

    /// <summary>The id of its first process, as this process sees it.</summary>
    public int ProcessId { get; private set; }

    /// <summary>Completes when the first process ended and nothing has the disks mounted; the exit code.</summary>
    public Task<int> Ended { get; }

    /// <summary>What an exit code of <see cref="Ended"/> means.</summary>
    public static DomainEnd MeaningOf(int exitCode) => exitCode switch
    {
        RestartExitCode => DomainEnd.Restart,
        HaltExitCode => DomainEnd.Halt,
        _ => DomainEnd.Ended,
    };

    /// <summary>A path of the domain, as this process can open it while the domain runs.</summary>
    public string Inside(string path)
        => string.Create(CultureInfo.InvariantCulture, $"/proc/{ProcessId}/root{path}");

    /// <summary>
    /// What the domain's mount table says of a filesystem, for example <c>rw,relatime / rw,errors=remount-ro</c>:
    /// the options of the mount, then those of the superblock. Null when it is not mounted.
    /// </summary>
    public string? MountClaim(string mountPoint)
    {
        const int MountPointField = 4;
        const int OptionsField = 5;
        try
        {
            string[]? fields = File.ReadLines($"/proc/{ProcessId}/mountinfo")
                .Select(line => line.Split(' '))
                .LastOrDefault(fields => fields[MountPointField] == mountPoint);
            return fields is null ? null : $"{fields[OptionsField]} / {fields[^1]}";
        }
        catch (IOException)
        {
            // The domain has just ended.
            return null;
        }
    }

    /// <summary>Runs one of the domain's own programs in it, as its administrator would.</summary>
    public Task<ToolResult> RunInsideAsync(params string[] command)
        => Tool.RunAsync(
            "nsenter",
            ["--target", ProcessId.ToString(CultureInfo.InvariantCulture), "--mount", "--pid", "--", .. command]);

    /// <summary>
    /// Lets the domain write until the kernel has aborted a journal: real writes, made durable one by one, as any
    /// program in it would make them.
    /// </summary>
    /// <param name="disk">The disk, whose storage fails.</param>
    /// <param name="kernelLog">The kernel log, opened before the storage failed.</param>
    /// <param name="limit">How long at most.</param>
    /// <exception cref="TimeoutException">The journal still lives.</exception>
    public async Task WaitUntilJournalAbortedAsync(Disk disk, KernelLog kernelLog, TimeSpan limit)
    {
        string abort = $"Aborting journal on device {disk.Loop.Name}-";
        string folder = Inside(disk.Definition.MountPoint);
        long start = TimeProvider.System.GetTimestamp();
        for (int number = 0; ; number++)
        {
            Write(Path.Combine(folder, $"work-{number}"));
            while (kernelLog.ReadLine() is { } line)
            {
                if (line.StartsWith(abort, StringComparison.Ordinal))
                {
                    return;
                }
            }

            if (TimeProvider.System.GetElapsedTime(start) > limit)
            {
                throw new TimeoutException(
                    $"no \"{abort}\" in the kernel log after {limit.TotalSeconds} s and {number} writes");
            }

            await Task.Delay(LookAgain);
        }
    }

    /// <summary>Asks the first process to end, kills it when it does not, and waits until all is gone.</summary>
    public async ValueTask DisposeAsync()
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!_process.HasExited && TimeProvider.System.GetElapsedTime(start) < StopLimit)
        {
            // Again and again: the first process of a namespace ignores the signal until it has a handler for it.
            LinuxCalls.Signal(ProcessId, LinuxCalls.SigTerm);
            await Task.WhenAny(Ended, Task.Delay(AskAgain));
        }

        if (!_process.HasExited)
        {
            // The end of unshare ends the first process of the namespace (--kill-child), and so all of it.
            _process.Kill();
        }

        await Ended;
        _process.Dispose();
    }

    internal static async Task<DomainBoot> StartAsync(TestbedDomain domain, string folder, string xenstoreSocket)
    {
        string bootId = Guid.NewGuid().ToString("D");
        string pidFile = Path.Combine(folder, "pid");
        await File.WriteAllTextAsync(pidFile, string.Empty);
        var boot = new DomainBoot(Launch(domain, folder, xenstoreSocket, bootId, pidFile), domain, bootId);
        long start = TimeProvider.System.GetTimestamp();
        int processId;
        while (!TryReadLine(pidFile, out processId))
        {
            if (boot.Ended.IsCompleted || TimeProvider.System.GetElapsedTime(start) > StartLimit)
            {
                await boot.KillAsync();
                throw new IOException(
                    $"domain {domain.Definition.Name} does not start (exit code {await boot.Ended}): "
                    + await File.ReadAllTextAsync(domain.LogFile));
            }

            await Task.Delay(LookAgain);
        }

        boot.ProcessId = processId;
        return boot;
    }

    private static bool TryReadLine(string file, out int number)
    {
        string text = File.ReadAllText(file);
        number = 0;
        return text.EndsWith('\n') && int.TryParse(text, CultureInfo.InvariantCulture, out number);
    }

    private static Process Launch(
        TestbedDomain domain, string folder, string xenstoreSocket, string bootId, string pidFile)
    {
        string bootIdFile = Path.Combine(folder, "boot-id");
        File.WriteAllText(bootIdFile, bootId + "\n");
        var start = new ProcessStartInfo(
            "/usr/bin/setsid",
            [
                "unshare", "--pid", "--mount", "--fork", "--kill-child",
                "/bin/sh", LaunchScript, .. domain.Definition.Command,
            ]);
        start.Environment.Clear();
        start.Environment["PATH"] = Tool.SearchPath;
        start.Environment["MACHINE_PID_NAMESPACE"] = Containment.PidNamespace;
        start.Environment["ROOT_DEVICE"] = domain.Root.Loop.Path;
        start.Environment["ROOT_TYPE"] = domain.Root.Definition.FilesystemType;
        start.Environment["DATA_MOUNTS"] = string.Join('\n', domain.Disks.Skip(1).Select(disk =>
            $"{disk.Loop.Path} {disk.Definition.FilesystemType} {disk.Definition.MountPoint} {MountOptions}"));
        start.Environment["XENSTORE_SOCKET"] = xenstoreSocket;
        start.Environment["BOOT_ID_FILE"] = bootIdFile;
        start.Environment["MOUNT_FOLDER"] = Directory.CreateDirectory(Path.Combine(folder, "root")).FullName;
        start.Environment["PID_FILE"] = pidFile;
        start.Environment["LOG_FILE"] = domain.LogFile;
        return Tool.Start(start);
    }

    /// <summary>The script that makes the namespaces a domain; it stands beside the program.</summary>
    public static string LaunchScript => Path.Combine(AppContext.BaseDirectory, "Domains", "launch.sh");

    private static void Write(string path)
    {
        try
        {
            File.WriteAllText(path, path);
            LinuxCalls.Synchronise(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // That is what is to happen: the data cannot be written.
        }

        try
        {
            // A change of the tree alone, made durable, drives the journal even where data fails before it.
            Directory.CreateDirectory(path + ".d");
            LinuxCalls.Synchronise(path + ".d");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The journal cannot be written, or is aborted already.
        }
    }

    private async Task<int> WaitForEndAsync()
    {
        await _process.WaitForExitAsync();
        int exitCode = _process.ExitCode;
        foreach (Disk disk in _domain.Disks)
        {
            await disk.WaitUntilUnusedAsync();
        }

        return exitCode;
    }

    private async Task KillAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await _process.WaitForExitAsync();
    }
}
