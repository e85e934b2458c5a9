using System.ComponentModel;
using System.Diagnostics;
using HostBridge.Commands;
using HostBridge.Recovery;

namespace HostBridge.Toolstacks.Steps;

/// <summary>
/// The bridge's end of the steps: starts one as a process that outlives the bridge, or finds it running, and waits for
/// its outcome. It never starts a second one: the lock that the step holds tells. Ending the waiting leaves the step at
/// work.
/// </summary>
/// <param name="folder">The files of the steps.</param>
/// <param name="program">This program, as a path that holds after the bridge has ended.</param>
/// <param name="systemdRun">systemd-run where systemd is in charge of this host; null elsewhere.</param>
/// <param name="time">For limits.</param>
internal sealed class StepRunner(StepFolder folder, string program, string? systemdRun, TimeProvider time)
{
    private static readonly CommandLimits UnitLimits = new(TimeSpan.FromSeconds(30), 64 * 1024);

    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a step may take to begin; later it will not.</summary>
    public static TimeSpan BeginLimit { get; } = TimeSpan.FromSeconds(60);

    /// <summary>systemd-run, when systemd is in charge here; its cgroups would end a child with the bridge.</summary>
    public static string? FindSystemdRun()
        => Directory.Exists("/run/systemd/system") ? BoundedCommand.Find("systemd-run") : null;

    /// <summary>Runs a step to its end. One that is done is not done again.</summary>
    /// <param name="order">What is to be done; its time to begin is set here.</param>
    /// <param name="limit">How long to wait for it.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public async Task<StepOutcome> RunAsync(StepOrder order, TimeSpan limit, CancellationToken cancellationToken)
    {
        try
        {
            if (!folder.IsRunning(order.Intent, order.Kind))
            {
                if (folder.ReadOutcome(order.Intent, order.Kind) is { Result: StepResult.Done } done)
                {
                    return done;
                }

                folder.RemoveOutcome(order.Intent, order.Kind);
                folder.WriteOrder(order with { BeginByMs = Environment.TickCount64 + (long)BeginLimit.TotalMilliseconds });
                if (await StartAsync(order, cancellationToken).ConfigureAwait(false) is { } problem)
                {
                    return StepOutcome.Failed(problem);
                }
            }

            return await WaitAsync(order, limit, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return StepOutcome.Failed($"the folder {folder.Path} cannot be used: {failure.Message}");
        }
    }

    /// <summary>Whether a step was ordered, whatever came of it; also when that cannot be read.</summary>
    public bool HasBegun(string intent, StepKind kind)
    {
        try
        {
            return folder.ReadOrder(intent, kind) is not null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    private async Task<StepOutcome> WaitAsync(StepOrder order, TimeSpan limit, CancellationToken cancellationToken)
    {
        long began = time.GetTimestamp();
        bool hasBegun = false;
        while (time.GetElapsedTime(began) < limit)
        {
            // In this order: what ends between the two is found by the second.
            bool isRunning = folder.IsRunning(order.Intent, order.Kind);
            if (!isRunning && folder.ReadOutcome(order.Intent, order.Kind) is { } outcome)
            {
                return outcome;
            }

            if (!isRunning && hasBegun)
            {
                return StepOutcome.Failed($"the step \"{order.Kind}\" ended without an outcome; it may have been done");
            }

            hasBegun |= isRunning;
            if (!hasBegun && time.GetElapsedTime(began) > BeginLimit)
            {
                return StepOutcome.Failed($"the step \"{order.Kind}\" did not begin within {BeginLimit.TotalSeconds} s");
            }

            await Task.Delay(LookInterval, time, cancellationToken).ConfigureAwait(false);
        }

        return StepOutcome.Failed($"the step \"{order.Kind}\" is still at work after {limit.TotalMinutes:0} min");
    }

    private async Task<string?> StartAsync(StepOrder order, CancellationToken cancellationToken)
    {
        string[] arguments = [StepProgram.Verb, folder.Path, order.Intent, order.Kind.ToString()];
        if (systemdRun is null)
        {
            return StartAlone(arguments);
        }

        string unit = $"host-bridge-{order.Intent}-{order.Kind.ToString().ToLowerInvariant()}-{Environment.TickCount64}";
        CommandOutput output = await RunUnitAsync(["--collect"]).ConfigureAwait(false);
        if (output.Problem is not null && output.Complaint.Contains("unrecognized option", StringComparison.Ordinal))
        {
            // Before systemd 236; a unit that failed then stays in the list.
            output = await RunUnitAsync([]).ConfigureAwait(false);
        }

        return output.Problem is null ? null : $"systemd-run: {output.Problem}: {output.Complaint}";

        Task<CommandOutput> RunUnitAsync(string[] options) => BoundedCommand.RunAsync(
            systemdRun,
            ["--quiet", $"--unit={unit}", "--description=A step of host-bridge", .. options, "--", program, .. arguments],
            UnitLimits,
            cancellationToken);
    }

    /// <summary>Where no service manager keeps groups, the step leaves the bridge's session by itself.</summary>
    private string? StartAlone(string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        try
        {
            using Process? process = Process.Start(start);
            return process is null ? $"{program} did not start" : null;
        }
        catch (Win32Exception failure)
        {
            return $"{program} cannot be run: {failure.Message}";
        }
    }
}
