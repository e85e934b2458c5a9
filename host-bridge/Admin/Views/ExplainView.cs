using System.Globalization;
using static HostBridge.Admin.Views.Block;

namespace HostBridge.Admin.Views;

/// <summary>
/// One guest explained to a person who is woken up: first what is wrong and why nothing is done, with the command that
/// changes it; below, all that it stands on.
/// </summary>
internal static class ExplainView
{
    /// <summary>Lays it out.</summary>
    public static IReadOnlyList<Block> Of(ExplainDocument document)
    {
        var lines = new List<Block>();
        AddAnswer(lines, document);
        AddEvidence(lines, document);
        AddDisks(lines, document);
        AddTerms(lines, document);
        return lines;
    }

    private static void AddAnswer(List<Block> lines, ExplainDocument document)
    {
        GuestLine guest = document.Guest;
        string where = guest.Domain is { } domain
            ? string.Create(CultureInfo.InvariantCulture, $"domain {domain}")
            : "in no domain";
        lines.Add(new Line($"{guest.Name} ({where}, {guest.Uuid}): {guest.State.Replace('-', ' ')}", Tone.Heading));
        if (guest.Reason is { } reason
            && document.Hindrances.All(one => !one.Text.Contains(reason, StringComparison.Ordinal)))
        {
            lines.Add(new Line(reason, Tone.Plain, Indent: 2));
        }

        lines.Add(new Line(string.Empty));
        if (document.OrderedUntil is { } until)
        {
            lines.Add(new Line(
                $"A person ordered its recovery; that holds until {PeopleWords.Clock(until, document.Time)} UTC."));
        }

        lines.Add(new Line(Intention(document)));
        foreach ((HindranceLine one, int number) in document.Hindrances.Select((one, index) => (one, index + 1)))
        {
            string end = one.EndsAt is { } time
                ? $"; ends at {PeopleWords.Clock(time, document.Time)} UTC ({PeopleWords.In(time, document.Time)})"
                : string.Empty;
            lines.Add(new Line($"{number}. {one.Text}{end}", Tone.Warning, Indent: 2));
            lines.Add(new Line($"-> {one.Remedy}", Tone.Plain, Indent: 5));
        }
    }

    private static string Intention(ExplainDocument document)
        => document switch
        {
            { WouldDo: { } act, Hindrances: [] } => $"The bridge will {act}, now.",
            { Hindrances: [{ Kind: "under-way" }] } => $"The bridge is at work: {document.Guest.NextStep}.",
            { WouldDo: { } act, Hindrances.Count: 1 } => $"The bridge would {act}. What is in the way:",
            { WouldDo: { } act } => $"The bridge would {act}. What is in the way, in the order in which it is looked at:",
            _ => "There is nothing that the bridge would do:",
        };

    private static void AddEvidence(List<Block> lines, ExplainDocument document)
    {
        GuestLine guest = document.Guest;
        string heard = guest.HeardAt is { } time
            ? $"heard {PeopleWords.Ago(time, document.Time)}"
                + (guest.HeardOver.Count > 0 ? $" over {string.Join(" and ", guest.HeardOver)}" : string.Empty)
            : "not heard since the bridge began to listen";
        AddHeading(lines, $"What it says ({heard})");
        if (document.Filesystems.Count == 0)
        {
            lines.Add(new Line("nothing", Indent: 2));
        }

        foreach (FilesystemLine one in document.Filesystems)
        {
            string hidden = one.Hidden ? $"; its mount table says {one.Claims}" : string.Empty;
            lines.Add(new Line(
                $"{one.MountPoint} ({one.Device}, {one.Type}) is {one.Verdict} since "
                    + $"{PeopleWords.Clock(one.Since, document.Time)} UTC ({PeopleWords.Ago(one.Since, document.Time)}){hidden}",
                one.Hidden ? Tone.Bad : Tone.Plain,
                Indent: 2));
            if (one.Why is { } why)
            {
                lines.Add(new Line($"why: {why}", Tone.Plain, Indent: 4));
            }

            if (one.Evidence.Count > 0)
            {
                lines.Add(new Line($"evidence: {string.Join(", ", one.Evidence)}", Tone.Muted, Indent: 4));
            }

            if (one.NotServed is { } notServed)
            {
                lines.Add(new Line(notServed, Tone.Muted, Indent: 4));
            }

            if (one.BootCheckWhy is { } whyNot)
            {
                lines.Add(new Line($"a check of it cannot be forced: {whyNot}", Tone.Muted, Indent: 4));
            }

            if (one.DataLossSince is { } lost)
            {
                lines.Add(new Line(
                    $"writes were lost there at {PeopleWords.Clock(lost, document.Time)} UTC", Tone.Bad, Indent: 4));
            }
        }

        if (document.Console is { } console)
        {
            lines.Add(new Line($"its console: {console}", Tone.Warning, Indent: 2));
        }
    }

    private static void AddDisks(List<Block> lines, ExplainDocument document)
    {
        bool isOpen = document.Disks.Count > 0 && document.Disks.All(disk => disk.Stable);
        AddHeading(lines, $"Its disks on this host (the gate is {(isOpen ? "open" : "closed")})");
        if (document.Disks.Count == 0)
        {
            lines.Add(new Line("none is known", Tone.Warning, Indent: 2));
        }

        foreach (DiskLine disk in document.Disks)
        {
            string size = disk.SizeBytes is { } bytes ? $", {PeopleWords.Size(bytes)}" : string.Empty;
            List<string> known = [.. disk.LunGroups.Where(group => group != "unknown")];
            string groups = known.Count > 0 ? $", {string.Join(", ", known)}" : string.Empty;
            lines.Add(new Line(
                $"{disk.Name}{size}{groups}: {disk.WhyNot ?? $"stable, {disk.Text}"}",
                disk.Stable ? Tone.Good : Tone.Bad,
                Indent: 2));
            foreach (string text in Details(disk, document.Time))
            {
                lines.Add(new Line(text, Tone.Muted, Indent: 4));
            }
        }
    }

    private static List<string> Details(DiskLine disk, DateTimeOffset now)
    {
        var details = new List<string>();
        if (disk.StableAt is { } stableAt)
        {
            details.Add($"counts as stable {PeopleWords.In(stableAt, now)}, unless it fails again");
        }

        if (disk.LostPaths is { } paths)
        {
            details.Add(paths);
        }

        details.Add(disk is { LastFault: { } fault, LastFaultAt: { } time }
            ? $"the last fault that this host saw on it, {PeopleWords.Ago(time, now)}: {fault}"
            : "this host saw no fault on it");
        return details;
    }

    private static void AddTerms(List<Block> lines, ExplainDocument document)
    {
        string window = PeopleWords.Duration(TimeSpan.FromSeconds(document.RecoveryWindowSeconds));
        string last = document.Recoveries.Count > 0
            ? $"; the last began {PeopleWords.Ago(document.Recoveries[^1], document.Time)}"
            : string.Empty;
        AddHeading(lines, "Its terms");
        lines.Add(new Line(
            string.Create(
                CultureInfo.InvariantCulture,
                $"recoveries within {window}: {document.Recoveries.Count} of at most {document.MostRecoveries}{last}"),
            Indent: 2));
        foreach (PolicyLine one in document.Policy.Where(one => one.Value != one.HostWide))
        {
            lines.Add(new Line($"{one.Key} = {one.Value}, for this guest (host-wide: {one.HostWide})", Tone.Warning, Indent: 2));
        }

        IEnumerable<string> shared = document.Policy.Where(one => one.Value == one.HostWide)
            .Select(one => $"{one.Key} = {one.Value}");
        lines.Add(new Line($"as for every guest: {string.Join(", ", shared)}", Tone.Muted, Indent: 2));
    }

    private static void AddHeading(List<Block> lines, string text)
    {
        lines.Add(new Line(string.Empty));
        lines.Add(new Line(text, Tone.Heading));
    }
}
