using System.Globalization;
using System.Text;
using Protocol.Health;

namespace GuestAgent.Inquiries;

/// <summary>
/// The document for a person: one line that a monitoring plugin may show, then one line a filesystem, worst first.
/// </summary>
internal static class StatusTable
{
    private const string Reset = "\e[0m";

    private static readonly string[] Header = ["FILESYSTEM", "VERDICT", "HIDDEN", "SINCE", "PROBED", "DEVICE", "EVIDENCE"];

    /// <summary>Renders.</summary>
    /// <param name="document">An answer without an error.</param>
    /// <param name="now">The wall clock, for how long a verdict holds.</param>
    /// <param name="hasColours">Whether escape sequences may be used: a terminal, and no NO_COLOR.</param>
    public static string Render(StatusDocument document, DateTimeOffset now, bool hasColours)
    {
        var text = new StringBuilder().Append(Summary(document, now)).Append('\n');
        if (document.Filesystems.Count > 0)
        {
            text.Append('\n');
            AppendTable(text, document.Filesystems, now, hasColours);
        }

        int left = document.FilesystemCount - document.Filesystems.Count;
        if (left > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"and {left} more, none of them worse\n");
        }

        if (document.LastRecovery is { } recovery)
        {
            text.Append('\n').Append(Clean(RecoveryNews.Text(recovery))).Append('\n');
        }

        if (document.Configuration is { } configuration)
        {
            text.Append('\n').Append(Clean(configuration)).Append('\n');
        }

        if (document.Xenstore != StatusDocument.LinkAnswers)
        {
            text.Append("\nthe host is not told: ").Append(Clean(document.Xenstore)).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>How long something holds, in its two greatest units, for example <c>2h 5m</c>.</summary>
    public static string Duration(TimeSpan duration) => duration switch
    {
        { TotalDays: >= 1 } => string.Create(CultureInfo.InvariantCulture, $"{duration.Days}d {duration.Hours}h"),
        { TotalHours: >= 1 } => string.Create(CultureInfo.InvariantCulture, $"{duration.Hours}h {duration.Minutes}m"),
        { TotalMinutes: >= 1 }
            => string.Create(CultureInfo.InvariantCulture, $"{duration.Minutes}m {duration.Seconds}s"),
        { Ticks: >= 0 } => string.Create(CultureInfo.InvariantCulture, $"{duration.Seconds}s"),
        _ => "0s",
    };

    private static string Summary(StatusDocument document, DateTimeOffset now)
    {
        string severity = StatusJson.NameOf(document.Severity);
        string link = document.Xenstore == StatusDocument.LinkAnswers ? string.Empty : "; no link to xenstore";
        if (document.Filesystems.Count == 0)
        {
            return $"{severity}: no filesystem is watched{link}";
        }

        string count = document.FilesystemCount == 1
            ? "1 filesystem"
            : string.Create(CultureInfo.InvariantCulture, $"{document.FilesystemCount} filesystems");
        if (document.Severity == Severity.Ok)
        {
            return $"{severity}: {count}{link}";
        }

        FilesystemHealth worst = document.Filesystems
            .Select(one => one.Health)
            .FirstOrDefault(one => one.Severity == document.Severity, document.Filesystems[0].Health);
        string hidden = worst.Hidden ? ", while mount says rw" : string.Empty;
        return $"{severity}: {worst.MountPoint.Encoded} is {worst.Verdict.ToName()}{hidden}, "
            + $"for {Duration(now - worst.Since)}; {count}{link}";
    }

    private static void AppendTable(
        StringBuilder text, IReadOnlyList<FilesystemStatus> filesystems, DateTimeOffset now, bool hasColours)
    {
        string[][] rows = [Header, .. filesystems.Select(one => Cells(one, now))];
        int[] widths = [.. Enumerable.Range(0, Header.Length).Select(column => rows.Max(row => row[column].Length))];
        for (int row = 0; row < rows.Length; row++)
        {
            string colour = hasColours && row > 0 ? Colour(filesystems[row - 1].Health) : string.Empty;
            for (int column = 0; column < Header.Length - 1; column++)
            {
                string cell = rows[row][column].PadRight(widths[column]);
                text.Append(column == 1 && colour.Length > 0 ? $"{colour}{cell}{Reset}" : cell).Append("  ");
            }

            text.Append(rows[row][^1]).Append('\n');
        }
    }

    private static string[] Cells(FilesystemStatus one, DateTimeOffset now)
    {
        FilesystemHealth health = one.Health;
        IEnumerable<string> evidence = health.Evidence
            .Where(fact => fact.Kind != EvidenceKind.Probe || one.Probe?.IsFresh != true)
            .Select(fact => Clean(fact.Detail.Length > 0 ? $"{fact.Kind.ToName()}:{fact.Detail}" : fact.Kind.ToName()));
        if (one.Probe is { } probe)
        {
            string news = probe.IsFresh ? "probed now" : "probe not back";
            evidence = evidence.Prepend(string.Create(
                CultureInfo.InvariantCulture, $"{news}:{Clean(probe.Result)} ({probe.DurationMs:0.###} ms)"));
        }

        if (health.DataLossSince is { } lost)
        {
            evidence = evidence.Append($"writes were lost at {Exact(lost)}");
        }

        if (health.Why is { } why)
        {
            evidence = evidence.Prepend(why.ToSentence(health.MountPoint, Clean(health.FilesystemType)));
        }

        return
        [
            health.MountPoint.Encoded,
            health.Verdict.ToName(),
            health.Hidden ? "yes" : "no",
            $"{Duration(now - health.Since)} ({Exact(health.Since)})",
            one.ProbeAge is { } age ? $"{Duration(age)} ago" : "never",
            $"{Clean(health.Device)} {Clean(health.FilesystemType)}",
            string.Join(", ", evidence),
        ];
    }

    private static string Exact(DateTimeOffset time)
        => time.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static string Colour(FilesystemHealth health) => health.Severity switch
    {
        Severity.Ok => "\e[32m",
        Severity.Critical => "\e[1;31m",
        _ => "\e[33m",
    };

    /// <summary>What came from a disk or the kernel log must not steer the terminal.</summary>
    private static string Clean(string text)
        => string.Concat(text.Select(letter => char.IsControl(letter) ? '?' : letter));
}
