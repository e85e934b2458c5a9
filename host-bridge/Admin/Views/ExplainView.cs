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
        => [.. Answer(document), .. Evidence(document), .. Disks(document), .. Terms(document)];

    private static IEnumerable<Block> Answer(ExplainDocument document)
    {
        GuestLine guest = document.Guest;
        string where = guest.Domain is { } domain
            ? string.Create(CultureInfo.InvariantCulture, $"domain {domain}")
            : "in no domain";
        yield return new Line($"{guest.Name} ({where}, {guest.Uuid}): {guest.State.Replace('-', ' ')}", Tone.Heading);
        if (guest.Reason is { } reason)
        {
            yield return new Line(reason, Tone.Plain, Indent: 2);
        }

        yield return new Line(string.Empty);
        if (document.OrderedUntil is { } until)
        {
            yield return new Line(
                $"A person ordered its recovery; that holds until {PeopleWords.Clock(until, document.Time)} UTC.");
        }

        yield return new Line(Intention(document));
        foreach ((HindranceLine one, int number) in document.Hindrances.Select((one, index) => (one, index + 1)))
        {
            string end = one.EndsAt is { } time
                ? $"; ends at {PeopleWords.Clock(time, document.Time)} UTC ({PeopleWords.In(time, document.Time)})"
                : string.Empty;
            yield return new Line($"{number}. {one.Text}{end}", Tone.Warning, Indent: 2);
            yield return new Line($"-> {one.Remedy}", Tone.Plain, Indent: 5);
        }
    }

    private static string Intention(ExplainDocument document)
        => document switch
        {
            { WouldDo: { } act, Hindrances: [] } => $"The bridge will {act}, now.",
            { WouldDo: { } act, Hindrances: [{ Kind: "under-way" }] } => $"The bridge is about to {act}: {document.Guest.NextStep}.",
            { WouldDo: { } act, Hindrances.Count: 1 } => $"The bridge would {act}. In the way of that:",
            { WouldDo: { } act } => $"The bridge would {act}. In the way of that, what weighs most first:",
            { Hindrances: [{ Kind: "under-way" }] } => $"The bridge is at work: {document.Guest.NextStep}.",
            _ => "The bridge would do nothing:",
        };

    private static IEnumerable<Block> Evidence(ExplainDocument document)
    {
        GuestLine guest = document.Guest;
        string heard = guest.HeardAt is { } time
            ? $"heard {PeopleWords.Ago(time, document.Time)}"
                + (guest.HeardOver.Count > 0 ? $" over {string.Join(" and ", guest.HeardOver)}" : string.Empty)
            : "not heard since the bridge began to listen";
        yield return new Line(string.Empty);
        yield return new Line($"What it says ({heard})", Tone.Heading);
        if (document.Filesystems.Count == 0)
        {
            yield return new Line("nothing", Indent: 2);
        }

        foreach (FilesystemLine one in document.Filesystems)
        {
            string hidden = one.Hidden ? $"; its mount table says {one.Claims}" : string.Empty;
            yield return new Line(
                $"{one.MountPoint} ({one.Device}, {one.Type}) is {one.Verdict} since "
                    + $"{PeopleWords.Clock(one.Since, document.Time)} UTC ({PeopleWords.Ago(one.Since, document.Time)}){hidden}",
                one.Hidden ? Tone.Bad : Tone.Plain,
                Indent: 2);
            if (one.Evidence.Count > 0)
            {
                yield return new Line($"evidence: {string.Join(", ", one.Evidence)}", Tone.Muted, Indent: 4);
            }

            if (one.DataLossSince is { } lost)
            {
                yield return new Line(
                    $"data was lost there at {PeopleWords.Clock(lost, document.Time)} UTC", Tone.Bad, Indent: 4);
            }
        }

        if (document.Console is { } console)
        {
            yield return new Line($"its console: {console}", Tone.Warning, Indent: 2);
        }
    }

    private static IEnumerable<Block> Disks(ExplainDocument document)
    {
        bool isOpen = document.Disks.Count > 0 && document.Disks.All(disk => disk.Stable);
        yield return new Line(string.Empty);
        yield return new Line($"Its disks on this host: the gate is {(isOpen ? "open" : "closed")}", Tone.Heading);
        if (document.Disks.Count == 0)
        {
            yield return new Line("none is known", Tone.Warning, Indent: 2);
        }

        foreach (DiskLine disk in document.Disks)
        {
            string size = disk.SizeBytes is { } bytes ? $", {PeopleWords.Size(bytes)}" : string.Empty;
            string groups = disk.LunGroups.Count > 0 ? $", {string.Join(", ", disk.LunGroups)}" : string.Empty;
            yield return new Line(
                $"{disk.Name}{size}{groups}: {(disk.Stable ? "stable" : "not stable")}",
                disk.Stable ? Tone.Good : Tone.Bad,
                Indent: 2);
            foreach (string text in Details(disk, document.Time))
            {
                yield return new Line(text, Tone.Muted, Indent: 4);
            }
        }
    }

    private static IEnumerable<string> Details(DiskLine disk, DateTimeOffset now)
    {
        if (disk.WhyNot is { } why)
        {
            yield return why;
        }

        if (disk.StableAt is { } stableAt)
        {
            yield return $"counts as stable {PeopleWords.In(stableAt, now)}, unless it fails again";
        }

        if (disk.Text.Length > 0 && disk.Text != disk.WhyNot)
        {
            yield return disk.Text;
        }

        if (disk.LostPaths is { } paths)
        {
            yield return paths;
        }

        yield return disk is { LastFault: { } fault, LastFaultAt: { } time }
            ? $"last fault that this host saw, {PeopleWords.Ago(time, now)}: {fault}"
            : "this host saw no fault on it";
    }

    private static IEnumerable<Block> Terms(ExplainDocument document)
    {
        string window = PeopleWords.Duration(TimeSpan.FromSeconds(document.RecoveryWindowSeconds));
        string last = document.Recoveries.Count > 0
            ? $"; the last began {PeopleWords.Ago(document.Recoveries[^1], document.Time)}"
            : string.Empty;
        yield return new Line(string.Empty);
        yield return new Line("Its terms", Tone.Heading);
        yield return new Line(
            string.Create(
                CultureInfo.InvariantCulture,
                $"recoveries within {window}: {document.Recoveries.Count} of at most {document.MostRecoveries}{last}"),
            Indent: 2);
        foreach (PolicyLine one in document.Policy)
        {
            bool isOwn = one.Value != one.HostWide;
            yield return new Line(
                $"{one.Key} = {one.Value}{(isOwn ? $" (host-wide: {one.HostWide})" : string.Empty)}",
                isOwn ? Tone.Warning : Tone.Plain,
                Indent: 2);
        }
    }
}
