using System.Globalization;
using System.Text;
using GuestAgent.Detection;
using GuestAgent.Signals.Parsing;
using Protocol.Xenstore;

namespace GuestAgent.Probing;

/// <summary>A probe that was handed over and has not come back.</summary>
/// <param name="Device">The filesystem.</param>
/// <param name="ProbeId">Its id in the agent that knows of it.</param>
/// <param name="Worker">The process that has it.</param>
/// <param name="StartedAt">When it was handed over.</param>
/// <param name="WriteCompletions">What the device had completed by then (<see cref="BlockActivity"/>).</param>
internal sealed record OutstandingProbe(
    DeviceNumber Device, long ProbeId, ProcessIdentity Worker, Moment StartedAt, long WriteCompletions);

/// <summary>
/// The outstanding probes as text, one line each, for the agent that comes after this one: a probe that is stuck in
/// the kernel outlives the process that began it, and must not be given a second beside it.
/// </summary>
internal static class OutstandingProbeText
{
    /// <summary>No more lines are read: a probe process takes no more filesystems.</summary>
    public const int MaxLines = 64;

    /// <summary>All of them, for example
    /// <c>device=202:1 process=312 process-start=8812 boottime-ms=99120 since=2026-03-01T04:05:06.789Z completed=501</c>.
    /// </summary>
    public static string Of(IEnumerable<OutstandingProbe> probes)
    {
        var text = new StringBuilder();
        foreach (OutstandingProbe probe in probes)
        {
            _ = text.Append(new FieldLineWriter()
                .Add("device", probe.Device.ToString())
                .Add("process", probe.Worker.ProcessId)
                .Add("process-start", probe.Worker.StartTicks)
                .Add("boottime-ms", (long)probe.StartedAt.SinceBoot.TotalMilliseconds)
                .Add("since", probe.StartedAt.WallClock)
                .Add("completed", probe.WriteCompletions)).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>What the text says; lines that cannot be understood are left out.</summary>
    public static IReadOnlyList<OutstandingProbe> Parse(string text)
        => [.. text.Split('\n').Take(MaxLines).Select(ParseLine).OfType<OutstandingProbe>()];

    private static OutstandingProbe? ParseLine(string line)
    {
        const long never = long.MaxValue / TimeSpan.TicksPerMillisecond / 2;
        return FieldLine.TryParse(Encoding.ASCII.GetBytes(line)) is { } fields
            && MountInfoParser.TryDevice(Encoding.ASCII.GetBytes(fields["device"] ?? string.Empty), out DeviceNumber device)
            && fields.Number("process", 1, int.MaxValue) is { } process
            && fields.Number("process-start", 0, long.MaxValue) is { } start
            && fields.Number("boottime-ms", 0, never) is { } sinceBootMs
            && fields.Moment("since") is { } since
            && fields.Number("completed", 0, long.MaxValue) is { } completed
                ? new OutstandingProbe(
                    device,
                    ProbeId: 0,
                    new ProcessIdentity((int)process, start),
                    new Moment(TimeSpan.FromMilliseconds(sinceBootMs), since),
                    completed)
                : null;
    }
}
