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

/// <summary>
/// Everything that happened, from all sources. It is printed line by line while it happens, in the order of the
/// moments, and again as a table at the end where someone looks at a terminal.
/// </summary>
public sealed class Timeline(TimeProvider time)
{
    // The sources tell at different speeds: a moment is printed when none before it is to be expected any more.
    private static readonly TimeSpan Settled = TimeSpan.FromMilliseconds(500);

    private readonly long _start = time.GetTimestamp();
    private readonly DateTimeOffset _startTime = time.GetUtcNow();
    private readonly Lock _gate = new();
    private readonly List<Moment> _moments = [];
    private int _printed;

    /// <summary>How long it runs.</summary>
    public TimeSpan Now => time.GetElapsedTime(_start);

    /// <summary>When a moment of the wall clock was, in the terms of <see cref="Now"/>.</summary>
    public TimeSpan At(DateTimeOffset moment) => moment - _startTime;

    /// <summary>Adds a moment.</summary>
    public void Add(Moment moment)
    {
        lock (_gate)
        {
            int place = _moments.FindLastIndex(one => one.Since <= moment.Since) + 1;
            _moments.Insert(Math.Max(place, _printed), moment);
        }
    }

    /// <summary>Adds a moment of now.</summary>
    public void Add(string guest, string kind, string text)
        => Add(new Moment(Now, guest, string.Empty, string.Empty, kind, text));

    /// <summary>Prints the moments that were not printed yet and that nothing will come before any more.</summary>
    public void PrintSettled() => PrintUntil(Now - Settled);

    /// <summary>Prints what was not printed yet, and the table where someone looks at a terminal.</summary>
    public void PrintAll()
    {
        PrintUntil(TimeSpan.MaxValue);
        if (!Console.IsOutputRedirected)
        {
            PrintTable();
        }
    }

    private void PrintUntil(TimeSpan end)
    {
        lock (_gate)
        {
            while (_printed < _moments.Count && _moments[_printed].Since <= end)
            {
                Console.WriteLine(Line(_moments[_printed++]));
            }
        }
    }

    private void PrintTable()
    {
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumns("seconds", "guest", "mount claims", "probe says", "what", "happened");
        lock (_gate)
        {
            foreach (Moment moment in _moments)
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
        string claim = moment.MountClaim.Length == 0 ? string.Empty : $"mount says \"{moment.MountClaim}\"";
        string probe = moment.Probe.Length == 0 ? string.Empty : $", the probe says \"{moment.Probe}\"";
        string truth = claim.Length == 0 ? string.Empty : $"{claim}{probe}: ";
        return $"{Seconds(moment),8} s  {moment.Guest,-1}  {moment.Kind,-9} {truth}{moment.Text}";
    }

    private static string Seconds(Moment moment)
        => moment.Since.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture);
}
