using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using HostBridge.Guests;
using HostBridge.Recovery;
using Protocol.Health;

namespace HostBridge.Toolstacks;

/// <summary>
/// An administrator's command as the toolstack: <c>COMMAND force-fsck UUID</c> ends with 0 when the next boot will
/// check; <c>COMMAND fsck-result UUID</c> prints e2fsck's exit code, or <c>unknown</c>. No shell is involved, and
/// the guest's name is not among the arguments: it is not the command's business.
/// </summary>
/// <param name="path">The absolute path of the command.</param>
/// <param name="limit">How long it may take; then it is ended by force.</param>
internal sealed class ExternalToolstack(string path, TimeSpan limit) : IToolstack
{
    /// <summary>More output than this is not an answer of ours, and is not read.</summary>
    private const int MaxOutputBytes = 4096;

    private const int MaxExitCode = 255;

    /// <summary>How long a command may take by default.</summary>
    public static TimeSpan DefaultLimit { get; } = TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    public async Task<ArmingAnswer> ArmForcedFsckAsync(GuestIdentity guest, CancellationToken cancellationToken)
    {
        CommandResult result = await RunAsync("force-fsck", guest, cancellationToken).ConfigureAwait(false);
        return result.Failure is null
            ? new ArmingAnswer(ArmingResult.Armed, string.Empty)
            : new ArmingAnswer(ArmingResult.Failed, result.Failure);
    }

    /// <inheritdoc/>
    public async Task<int?> ReadFsckResultAsync(GuestIdentity guest, CancellationToken cancellationToken)
    {
        CommandResult result = await RunAsync("fsck-result", guest, cancellationToken).ConfigureAwait(false);
        return result.Failure is null
            && int.TryParse(result.Output.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int exitCode)
            && exitCode <= MaxExitCode
                ? exitCode
                : null;
    }

    /// <inheritdoc/>
    public Task<StepAnswer> ConfirmCreatableAsync(
        GuestIdentity guest, DomainId domain, CancellationToken cancellationToken)
        => Task.FromResult(NoToolstack.Unavailable);

    /// <inheritdoc/>
    public Task<StepAnswer> DestroyAsync(
        GuestIdentity guest, DomainId domain, RequestId intent, CancellationToken cancellationToken)
        => Task.FromResult(NoToolstack.Unavailable);

    /// <inheritdoc/>
    public Task<OfflineCheckAnswer> CheckOfflineAsync(
        GuestIdentity guest, GuestDisks disks, RequestId intent, CancellationToken cancellationToken)
        => Task.FromResult(
            new OfflineCheckAnswer(NoToolstack.Unavailable.Result, ExitCode: null, NoToolstack.Unavailable.Reason));

    /// <inheritdoc/>
    public Task<StepAnswer> CreateAsync(GuestIdentity guest, RequestId intent, CancellationToken cancellationToken)
        => Task.FromResult(NoToolstack.Unavailable);

    private async Task<CommandResult> RunAsync(string verb, GuestIdentity guest, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(path)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(verb);
        start.ArgumentList.Add(guest.Uuid.ToString("D"));
        Process process;
        try
        {
            process = Process.Start(start) ?? throw new InvalidOperationException($"{path} did not start");
        }
        catch (Win32Exception failure)
        {
            return CommandResult.Failed($"{path} cannot be run: {failure.Message}");
        }

        using (process)
        using (var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken))
        {
            timer.CancelAfter(limit);
            try
            {
                process.StandardInput.Close();
                return await WatchAsync(process, verb, timer.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return CommandResult.Failed($"{path} {verb} did not end within {limit.TotalSeconds:0.#} s");
            }
            catch (IOException failure)
            {
                return CommandResult.Failed($"{path} {verb}: its output cannot be read: {failure.Message}");
            }
            finally
            {
                End(process);
            }
        }
    }

    private async Task<CommandResult> WatchAsync(Process process, string verb, CancellationToken cancellationToken)
    {
        Task<string?> output = ReadBoundedAsync(process.StandardOutput.BaseStream, cancellationToken);
        Task<string?> errors = ReadBoundedAsync(process.StandardError.BaseStream, cancellationToken);
        // The first to overflow ends it: a command that floods is not waited for.
        Task<string?> first = await Task.WhenAny(output, errors).ConfigureAwait(false);
        Task<string?> second = first == output ? errors : output;
        if (await first.ConfigureAwait(false) is null || await second.ConfigureAwait(false) is null)
        {
            return CommandResult.Failed($"{path} {verb} printed more than {MaxOutputBytes} bytes");
        }

        await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
        string complaint = Printable.Escape((await errors.ConfigureAwait(false))!.Trim());
        return process.ExitCode == 0
            ? new CommandResult((await output.ConfigureAwait(false))!, Failure: null)
            : CommandResult.Failed($"{path} {verb} ended with {process.ExitCode}: {complaint}");
    }

    private static async Task<string?> ReadBoundedAsync(Stream stream, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[MaxOutputBytes + 1];
        int read = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken)
            .ConfigureAwait(false);
        return read > MaxOutputBytes ? null : Encoding.UTF8.GetString(buffer, 0, read);
    }

    private static void End(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It had ended already.
        }
        catch (AggregateException)
        {
            // Some descendant could not be ended; it is no longer waited for.
        }
    }

    private readonly record struct CommandResult(string Output, string? Failure)
    {
        public static CommandResult Failed(string reason) => new(string.Empty, reason);
    }
}
