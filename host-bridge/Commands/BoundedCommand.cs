using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace HostBridge.Commands;

/// <summary>What came of a command.</summary>
/// <param name="Output">What it wrote on its standard output; perhaps cut.</param>
/// <param name="Errors">What it wrote on its standard error; perhaps cut.</param>
/// <param name="ExitCode">How it ended by itself, 0 to 255; null when it did not.</param>
/// <param name="Problem">What is wrong with it, for a person; null when it ended by itself with 0.</param>
internal readonly record struct CommandOutput(byte[] Output, byte[] Errors, int? ExitCode, string? Problem)
{
    /// <summary>The standard output as text.</summary>
    public string Text => Encoding.UTF8.GetString(Output);

    /// <summary>The standard error as text, without blanks at its ends.</summary>
    public string Complaint => Encoding.UTF8.GetString(Errors).Trim();
}

/// <summary>What a command may take.</summary>
/// <param name="Time">How long it may run.</param>
/// <param name="MaxBytes">How much it may write, on each of its two outputs.</param>
internal sealed record CommandLimits(TimeSpan Time, int MaxBytes)
{
    /// <summary>Whether more output is read and thrown away; else a command that floods is killed.</summary>
    public bool IsMoreDropped { get; init; }

    /// <summary>How long it is given to end by itself at a limit, after SIGTERM; zero for not at all.</summary>
    public TimeSpan Grace { get; init; }
}

/// <summary>
/// The one way in which the bridge runs a program of this host to its end: no shell, an environment of its own, a limit
/// of time and of output. The program gets a session of its own; at a limit all of that session's processes are killed.
/// One that cannot be killed, as it waits for a dead disk, is left behind and not waited for.
/// </summary>
internal static partial class BoundedCommand
{
    private const int KillSignal = 9;
    private const int TerminateSignal = 15;

    private static readonly string[] FixedFolders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

    /// <summary>Makes a session and becomes the program it is given (util-linux); null where there is none.</summary>
    private static readonly string? SessionProgram = Find("setsid");

    /// <summary>Where a program is, by PATH and then by the usual folders; null when it is not installed.</summary>
    public static string? Find(string name)
        => (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Concat(FixedFolders)
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);

    /// <summary>Runs a command without any input, as the other one does.</summary>
    public static Task<CommandOutput> RunAsync(
        string program, IReadOnlyList<string> arguments, CommandLimits limits,
        CancellationToken cancellationToken = default)
        => RunAsync(program, arguments, limits, ReadOnlyMemory<byte>.Empty, cancellationToken);

    /// <summary>Runs a command. Nothing of it throws but a program error, and the end of the waiting.</summary>
    /// <param name="program">The absolute path of the program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="limits">What it may take.</param>
    /// <param name="input">What it gets on its standard input, which then ends; it need not read it.</param>
    /// <param name="cancellationToken">Ends the command and the waiting.</param>
    public static async Task<CommandOutput> RunAsync(
        string program, IReadOnlyList<string> arguments, CommandLimits limits, ReadOnlyMemory<byte> input,
        CancellationToken cancellationToken = default)
    {
        var output = new BoundedOutput(limits);
        var errors = new BoundedOutput(limits);
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timer.CancelAfter(limits.Time);
        try
        {
            using Process process = Start(program, arguments);
            bool hasEnded = false;
            try
            {
                Task writing = WriteAsync(process, input, timer.Token);
                bool[] areWhole = await Task.WhenAll(
                    output.ReadAsync(process.StandardOutput.BaseStream, timer),
                    errors.ReadAsync(process.StandardError.BaseStream, timer)).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
                if (!areWhole.All(isWhole => isWhole))
                {
                    return Unfinished(output.IsFull || errors.IsFull
                        ? $"it wrote more than {Text(limits.MaxBytes)} bytes and was killed"
                        : Overdue(limits));
                }

                await process.WaitForExitAsync(timer.Token).ConfigureAwait(false);
                hasEnded = true;
                await writing.ConfigureAwait(false);
                return new CommandOutput(output.Take(), errors.Take(), process.ExitCode, process.ExitCode == 0
                    ? null
                    : $"it ended with exit code {Text(process.ExitCode)}");
            }
            finally
            {
                if (!hasEnded)
                {
                    await EndAsync(process, limits.Grace).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Unfinished(Overdue(limits));
        }
        catch (Exception failure) when (failure is IOException or Win32Exception or InvalidOperationException)
        {
            return Unfinished($"it cannot be run: {failure.Message}");
        }

        CommandOutput Unfinished(string problem) => new(output.Take(), errors.Take(), ExitCode: null, problem);
    }

    private static Process Start(string program, IReadOnlyList<string> arguments)
    {
        if (!File.Exists(program))
        {
            throw new IOException($"{program} is not there");
        }

        ProcessStartInfo start = SessionProgram is { } session
            ? new ProcessStartInfo(session, [program, .. arguments])
            : new ProcessStartInfo(program, arguments);
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        start.WorkingDirectory = "/";
        start.Environment.Clear();
        start.Environment["PATH"] = string.Join(':', FixedFolders);
        start.Environment["LC_ALL"] = "C";
        start.Environment["HOME"] = "/";
        return Process.Start(start) ?? throw new IOException("it did not start");
    }

    /// <summary>
    /// Writes its input and ends it. Not waited for longer than the limit, even when the write itself cannot be called
    /// off; that it does not read all of it is its own business.
    /// </summary>
    private static async Task WriteAsync(Process process, ReadOnlyMemory<byte> input, CancellationToken limit)
    {
        StreamWriter standardInput = process.StandardInput;
        try
        {
            if (input.Length > 0)
            {
                await Task.Run(() => standardInput.BaseStream.WriteAsync(input, limit).AsTask(), limit)
                    .WaitAsync(limit).ConfigureAwait(false);
            }

            standardInput.Close();
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // It ended, or has to end.
        }
    }

    private static string Overdue(CommandLimits limits) => string.Create(
        CultureInfo.InvariantCulture, $"it did not end within {limits.Time.TotalSeconds:0.#} s and was killed");

    /// <summary>Asks it to end, if it is given time for that, and then kills it.</summary>
    private static async Task EndAsync(Process process, TimeSpan grace)
    {
        try
        {
            if (grace > TimeSpan.Zero)
            {
                _ = Signal(SessionProgram is null ? process.Id : -process.Id, TerminateSignal);
                using var timer = new CancellationTokenSource(grace);
                await process.WaitForExitAsync(timer.Token).ConfigureAwait(false);
            }
        }
        catch (Exception failure) when (failure is OperationCanceledException or InvalidOperationException)
        {
            // It goes on all the same, or had ended already.
        }

        try
        {
            // The first reaches those whose parents have ended, the second those that made a session of their own.
            _ = SessionProgram is null ? 0 : Signal(-process.Id, KillSignal);
            process.Kill(entireProcessTree: true);
        }
        catch (Exception failure) when (failure is InvalidOperationException or Win32Exception or AggregateException)
        {
            // It ended already, or some child of it cannot be ended: neither is waited for.
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);
}
