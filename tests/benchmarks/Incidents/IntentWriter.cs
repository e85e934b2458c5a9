using System.Globalization;
using HostBridge.Incidents;
using HostBridge.Recovery;
using Protocol.Health;

namespace Benchmarks.Incidents;

/// <summary>
/// A process that writes intents and their ends into a state directory until it is killed, and says on its standard
/// output what is durable, a line each: <c>began N</c>, <c>ended N</c>.
/// </summary>
internal static class IntentWriter
{
    private const int Guests = 50;

    public static int Run(string folder)
    {
        using var store = new IncidentStore(folder, StateLock.TryTake(folder).Lock);
        store.Open();
        using var output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
        for (int number = 1; ; number++)
        {
            store.Append(
            [
                new StateChange.Story(EntryOf(number, TellKind.Report)),
                new StateChange.Story(EntryOf(number, TellKind.Intent)),
            ]);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"began {number}"));
            store.Append([new StateChange.Story(EntryOf(number, TellKind.Proof) with { EndsIntent = true })]);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"ended {number}"));
        }
    }

    /// <summary>An entry as a recovery writes it.</summary>
    public static IncidentEntry EntryOf(int number, TellKind kind)
    {
        int guest = (number % Guests) + 1;
        string name = string.Create(CultureInfo.InvariantCulture, $"reboot-{number}");
        RequestId request = RequestId.TryParse(name, out RequestId id) ? id : default;
        return IncidentEntry.Of(
            new GuestIdentity(new Guid(guest, 0, 0, new byte[8]), $"web{guest}"),
            new DomainId(guest),
            kind,
            "/ is journal-aborted, hidden by the mount table; about to restart it (recovery 1 of at most 2)",
            new IncidentFacts { Rung = Rung.Reboot, RequestId = request },
            DateTimeOffset.UnixEpoch.AddSeconds(number));
    }
}
