using System.CommandLine;
using HostBridge.Admin.Views;
using HostBridge.Configuration;
using HostBridge.Correlation;
using HostBridge.Incidents;
using Protocol.Configuration;

namespace HostBridge.Admin;

/// <summary>
/// <c>host-bridge history [DOMAIN]</c>: what happened, from the state directory itself, so that it can be read also when
/// no bridge runs.
/// </summary>
internal static class HistoryCommand
{
    private const int DefaultLimit = 10;
    private const int MaxLimit = 10_000;
    private const int MaxRows = 50_000;

    private static readonly TimeSpan DefaultSince = TimeSpan.FromDays(7);

    /// <summary>The database may lie on a disk that hangs.</summary>
    private static readonly TimeSpan ReadLimit = TimeSpan.FromSeconds(20);

    private static readonly Argument<string?> Guest = new("DOMAIN")
    {
        Description = "A guest's name, number or uuid (default: every guest).",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string?> Since = new("--since")
    {
        Description = "How far back, like 30m, 2h or 2d (default: 7d).",
        HelpName = "TIME",
    };

    private static readonly Option<int> Limit = new("--limit")
    {
        Description = "How many incidents, the newest (default: 10).",
        HelpName = "N",
        DefaultValueFactory = _ => DefaultLimit,
    };

    /// <summary>Makes the command.</summary>
    public static Command Create(SettingOptions settings)
    {
        var command = new Command("history", "Tells what happened to guests and to their storage, incident by incident.")
        {
            Guest, Since, Limit, AdminCommands.Json,
        };
        settings.AddTo(command, "state-directory");
        command.SetAction((parsed, _) => RunAsync(parsed, settings.Read(parsed)));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, BridgeConfiguration configuration)
    {
        string? text = parsed.GetValue(Since);
        TimeSpan since = DefaultSince;
        if (text is not null && (!SpanText.TryParse(text, out since) || since <= TimeSpan.Zero))
        {
            return CommandLine.Complain(
                $"--since: \"{text}\" is no time; write 30min, 2h or 2d.",
                CommandLine.UsageExitCode);
        }

        int limit = parsed.GetValue(Limit);
        if (limit is < 1 or > MaxLimit)
        {
            return CommandLine.Complain($"--limit must be 1 to {MaxLimit}.", CommandLine.UsageExitCode);
        }

        if (configuration.Options is not { } options)
        {
            return CommandLine.Complain(configuration.Problems);
        }

        string directory = options.StateDirectory;
        string? wanted = parsed.GetValue(Guest);
        try
        {
            HistoryReading reading = await OwnThread.RunAsync(
                "history",
                () => Task.FromResult(Read(directory, wanted, TimeProvider.System.GetUtcNow() - since, limit)),
                ReadLimit).ConfigureAwait(false);
            return Print(parsed, reading);
        }
        catch (TimeoutException)
        {
            return CommandLine.Complain($"{directory} does not answer: its disk hangs.", AdminClient.UnavailableExitCode);
        }
        catch (UnauthorizedAccessException)
        {
            return CommandLine.Complain(
                $"only root may read {directory}; try sudo.", AdminClient.NotAllowedExitCode);
        }
        catch (IOException failure)
        {
            return CommandLine.Complain(
                $"{directory} holds no history that can be read: {failure.Message}.", AdminClient.UnavailableExitCode);
        }
    }

    private static int Print(ParseResult parsed, HistoryReading reading)
    {
        if (reading.Document is not { } document)
        {
            return CommandLine.Complain(reading.Problem!, AdminClient.RefusedExitCode);
        }

        if (parsed.GetValue(AdminCommands.Json))
        {
            AdminCommands.WriteJson(AdminJson.ToBytes(document));
        }
        else
        {
            Terminal.OfProcess().Write(HistoryView.Of(document));
        }

        return 0;
    }

    private static HistoryReading Read(string directory, string? wanted, DateTimeOffset since, int limit)
    {
        string path = Path.Combine(directory, IncidentStore.FileName);
        if (!File.Exists(path))
        {
            throw new IOException($"{path} is not there");
        }

        Guid? guest = null;
        if (wanted is not null)
        {
            IReadOnlyList<Guid> found = IncidentReader.FindGuests(directory, wanted);
            if (found.Count != 1)
            {
                return new HistoryReading(null, found.Count == 0
                    ? $"nothing was ever told of a guest \"{wanted}\"."
                    : $"\"{wanted}\" means {found.Count} guests; give the uuid: {string.Join(", ", found)}.");
            }

            guest = found[0];
        }

        IReadOnlyList<IncidentEntry> story = IncidentReader.ReadStory(directory, guest, since, MaxRows);
        IReadOnlyList<TimelineEntry> timeline = IncidentReader.ReadTimeline(directory, since, MaxRows);
        return new HistoryReading(HistoryComposer.Compose(story, timeline, isOneGuest: guest is not null, limit), null);
    }

    /// <summary>What was read, or why it means nothing.</summary>
    private readonly record struct HistoryReading(HistoryDocument? Document, string? Problem);
}
