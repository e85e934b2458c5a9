using System.Text;
using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Requests;
using GuestAgent.Signals.Parsing;
using Mono.Unix.Native;
using Protocol.Health;
using Protocol.Xenstore;

namespace GuestAgent.Remedies;

/// <summary>
/// The process that remounts or repairs: this program again, with the filesystem as its arguments. It answers with
/// one line on standard output and ends. It may get stuck in the kernel; the agent does not.
/// </summary>
internal static unsafe class RemedyProcess
{
    /// <summary>The argument that makes the program a remedy process.</summary>
    public const string Argument = "remedy-process";

    private const int ArgumentCount = 8;
    private const int MaxDetailBytes = 200;

    /// <summary>The command line for a remedy.</summary>
    public static IReadOnlyList<string> Arguments(RequestAction action, WatchedFilesystem one) =>
    [
        Argument,
        RequestWords.Actions.ToName(action),
        one.Device.ToString(),
        one.DeviceName,
        one.Mount.MountPoint.Encoded,
        one.Mount.FilesystemType,
        one.Mount.Source.Encoded,
        string.Join(',', one.Mount.MountOptions) + ";" + string.Join(',', one.Mount.SuperOptions),
    ];

    /// <summary>Carries one remedy out.</summary>
    /// <param name="arguments">As <see cref="Arguments"/> gives them.</param>
    /// <returns>0 when the remedy could be tried at all, 64 for a command line that is none of ours.</returns>
    public static int Run(IReadOnlyList<string> arguments)
    {
        const int usageError = 64; // EX_USAGE, sysexits.h
        Descriptors.CloseInherited();
        SmallStacks.Undo();
        ProcessorShare.Undo();
        var paths = new PathRoot("/");
        if (arguments.Count != ArgumentCount
            || !RequestWords.Actions.TryParse(arguments[1], out RequestAction action)
            || ParseMount(arguments) is not { } mount)
        {
            Console.Error.WriteLine("remedy-process is started by the agent itself; there is nothing to run by hand");
            return usageError;
        }

        RemedyResult result = !ThisMachine.IsDomU(paths)
            ? new RemedyResult(OutcomeReason.NotADomu, string.Empty, null)
            : action switch
            {
                RequestAction.Remount => Remount.Run(mount),
                RequestAction.Repair => new Repair(paths, mount, arguments[3]).Run(),
                _ => new RemedyResult(OutcomeReason.NotLegitimate, string.Empty, null),
            };
        Answer(result);
        return 0;
    }

    /// <summary>Reads the line that the process answered with; a process that died without one has failed.</summary>
    public static RemedyResult ParseResult(byte[] answer)
    {
        FieldLine? line = FieldLine.TryParse(answer);
        return line?["reason"] is { } word && RequestWords.Reasons.TryParse(word, out OutcomeReason reason)
            ? new RemedyResult(reason, line.Text("detail") ?? string.Empty, (int?)line.Number("fsck", 0, 255))
            : new RemedyResult(OutcomeReason.CheckFailed, "the remedy process ended without an answer", null);
    }

    private static void Answer(RemedyResult result)
    {
        var line = new FieldLineWriter().Add("reason", RequestWords.Reasons.ToName(result.Reason));
        if (result.FsckExitCode is { } exitCode)
        {
            line.Add("fsck", exitCode);
        }

        byte[] bytes = Encoding.ASCII.GetBytes(line.AddText("detail", result.Detail, MaxDetailBytes).ToString());
        fixed (byte* start = bytes)
        {
            _ = Syscall.write(1, start, (ulong)bytes.Length);
        }
    }

    private static MountEntry? ParseMount(IReadOnlyList<string> arguments)
    {
        string[] options = arguments[7].Split(';');
        if (options.Length != 2
            || !MountInfoParser.TryDevice(Encoding.ASCII.GetBytes(arguments[2]), out DeviceNumber device)
            || !MountPoint.TryParse(arguments[4], out MountPoint mountPoint)
            || !PercentEncoding.TryDecode(arguments[6], out byte[] source))
        {
            return null;
        }

        return new MountEntry
        {
            MountId = 0,
            Device = device,
            Root = MountPoint.Root,
            MountPoint = mountPoint,
            MountOptions = options[0].Split(',', StringSplitOptions.RemoveEmptyEntries),
            FilesystemType = arguments[5],
            Source = MountPoint.FromBytes(source),
            SuperOptions = options[1].Split(',', StringSplitOptions.RemoveEmptyEntries),
        };
    }
}
