using System.Globalization;
using Spectre.Console;

namespace Testbed.Demo;

/// <summary>One moment of the demonstration.</summary>
/// <param name="Since">How long after the start.</param>
/// <param name="Guest">Whose moment it is; empty for the machine's.</param>
/// <param name="MountClaim">What the guest's mount table claimed then; empty where that is not the point.</param>
/// <param name="Probe">What the guest's write probe met; empty where that is not the point.</param>
/// <param name="Kind">In one word: kernel, report, decision, gate, action, proof, …</param>
/// <param name="Text">What happened.</param>
public sealed record Moment(
    TimeSpan Since, string Guest, string MountClaim, string Probe, string Kind, string Text);

/// <summary>Everything that happened, from all sources, told line by line and at the end as a table.</summary>
public sealed class Timeline(TimeProvider time)
{
    private readonly long _start = time.GetTimestamp();
    private readonly DateTimeOffset _startTime = time.GetUtcNow();
    private readonly List<Moment> _moments = [];

    /// <summary>How long it runs.</summary>
    public TimeSpan Now => time.GetElapsedTime(_start);

    /// <summary>When a moment of the wall clock was, in the terms of <see cref="Now"/>.</summary>
    public TimeSpan At(DateTimeOffset moment) => moment - _startTime;

    /// <summary>Adds a moment and prints it as a line.</summary>
    public void Add(Moment moment)
    {
        lock (_moments)
        {
            _moments.Add(moment);
            Console.WriteLine(Line(moment));
        }
    }

    /// <summary>Adds a moment of now.</summary>
    public void Add(string guest, string kind, string text)
        => Add(new Moment(Now, guest, string.Empty, string.Empty, kind, text));

    /// <summary>Prints all moments in their order, where a table can be read: on a terminal.</summary>
    public void PrintTable()
    {
        if (Console.IsOutputRedirected)
        {
            return;
        }

        var table = new Table { Border = TableBorder.Simple };
        table.AddColumns("seconds", "guest", "mount claims", "probe says", "what", "happened");
        lock (_moments)
        {
            foreach (Moment moment in _moments.OrderBy(moment => moment.Since))
            {
                table.AddRow(
                    Seconds(moment), Markup.Escape(moment.Guest), Markup.Escape(moment.MountClaim),
                    Markup.Escape(moment.Probe), Markup.Escape(moment.Kind), Markup.Escape(moment.Text));
            }
        }

        AnsiConsole.Write(table);
    }

    private static string Line(Moment moment)
    {
        string truth = moment.MountClaim.Length + moment.Probe.Length == 0
            ? string.Empty
            : $"mount says \"{moment.MountClaim}\", the probe says \"{moment.Probe}\": ";
        return $"{Seconds(moment),8} s  {moment.Guest,-1}  {moment.Kind,-9} {truth}{moment.Text}";
    }

    private static string Seconds(Moment moment)
        => moment.Since.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture);
}
