using System.Runtime.InteropServices;
using HostBridge.Doctor.Reading;
using HostBridge.Incidents;
using HostBridge.Recovery;
using HostBridge.Storage;
using Microsoft.Win32.SafeHandles;

namespace HostBridge.Toolstacks.Steps;

/// <summary>
/// The process of one step: <c>host-bridge step FOLDER INTENT STEP</c>. It belongs to nobody's session, takes the lock
/// of the step, does what the order says, and leaves its outcome.
/// </summary>
internal static partial class StepProgram
{
    /// <summary>The argument that makes this program a step.</summary>
    public const string Verb = "step";

    private const int NotBegunExitCode = 75; // EX_TEMPFAIL of sysexits.h
    private const int LookMs = 50;
    private const int LockLimitMs = 10_000;

    /// <summary>Runs a step; its exit code is only for the service manager.</summary>
    public static async Task<int> RunAsync(string folderPath, string intent, string step)
    {
        Leave();
        var folder = new StepFolder(folderPath);
        if (!Enum.TryParse(step, out StepKind kind))
        {
            return NotBegunExitCode;
        }

        using SafeFileHandle? handle = await LockAsync(folder, intent, kind).ConfigureAwait(false);
        if (handle is null || folder.ReadOutcome(intent, kind) is not null || folder.ReadOrder(intent, kind) is not { } order)
        {
            return NotBegunExitCode;
        }

        StepOutcome outcome;
        try
        {
            outcome = await DoAsync(order, folder, handle).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            outcome = StepOutcome.Failed(failure.Message);
        }

        folder.WriteOutcome(intent, kind, outcome);
        return 0;
    }

    /// <summary>Does what an order says; called by the process of the step, which holds its lock.</summary>
    internal static async Task<StepOutcome> DoAsync(StepOrder order, StepFolder folder, SafeFileHandle handle)
    {
        if (Environment.TickCount64 > order.BeginByMs)
        {
            return StepOutcome.Failed("it began too late, and did nothing");
        }

        var files = new HostFiles("/");
        if (HostFiles.TryRead(files.Proc("sys/kernel/random/boot_id")) != order.HostBoot)
        {
            return StepOutcome.Refused("it was ordered before this host booted");
        }

        var xl = new Xl(order.XlProgram);
        var uses = new BackendUses(order.XenstorePath, files);
        switch (order.Kind)
        {
            case StepKind.Destroy:
                var configs = new GuestConfigs(new HostTree("/"), order.ConfigFolders);
                return await new DestroyStep(order, folder, xl, configs, uses, files).RunAsync().ConfigureAwait(false);
            case StepKind.Check:
                var reader = new OfflineFactsReader(xl, uses, files);
                return await new CheckStep(order, folder, reader, files, handle).RunAsync().ConfigureAwait(false);
            default:
                return await new CreateStep(order, folder, xl).RunAsync().ConfigureAwait(false);
        }
    }

    /// <summary>The bridge takes the lock for a moment whenever it looks whether the step runs.</summary>
    private static async Task<SafeFileHandle?> LockAsync(StepFolder folder, string intent, StepKind kind)
    {
        for (int waitedMs = 0; waitedMs < LockLimitMs; waitedMs += LookMs)
        {
            if (folder.TryLock(intent, kind) is { } handle)
            {
                return handle;
            }

            await Task.Delay(LookMs).ConfigureAwait(false);
        }

        return null;
    }

    /// <summary>Leaves the bridge's session and its pipes: neither its end nor a signal to its group is ours.</summary>
    private static void Leave()
    {
        const int ReadWrite = 2;
        _ = MakeSession();
        int nothing = Libc.Open("/dev/null", ReadWrite | Libc.OpenCloseOnExec, mode: 0);
        for (int standard = 0; nothing >= 0 && standard <= 2; standard++)
        {
            _ = Duplicate(nothing, standard);
        }
    }

    [LibraryImport("libc", EntryPoint = "setsid")]
    private static partial int MakeSession();

    [LibraryImport("libc", EntryPoint = "dup2")]
    private static partial int Duplicate(int file, int target);
}
