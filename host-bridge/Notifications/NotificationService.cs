using HostBridge.Incidents;
using HostBridge.Notifications.Carriers;
using HostBridge.Notifications.Grouping;
using HostBridge.Notifications.Telling;
using HostBridge.Notifications.Wording;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace HostBridge.Notifications;

/// <summary>
/// Tells people, one carrier beside the other, none of which waits for another or makes the loop wait. What is told is
/// in the state database until it is delivered, so that a bridge that is killed tells it later; where that database
/// fails it is told all the same.
/// </summary>
internal sealed partial class NotificationService : BackgroundService
{
    private readonly IncidentLog _incidents;
    private readonly NoticeNumbers _numbers;
    private readonly IReadOnlyList<CarrierLine> _lines;
    private readonly IReadOnlyList<string> _names;

    /// <summary>Makes the carriers that are configured.</summary>
    public NotificationService(
        NotificationSettings settings, IncidentLog incidents, BridgeClock clock, ILogger<NotificationService> logger)
        : this(settings, CarrierFactory.Create(settings, clock.Time), incidents, clock, logger)
    {
    }

    /// <summary>Uses these carriers.</summary>
    internal NotificationService(
        NotificationSettings settings, IReadOnlyList<INoticeCarrier> carriers, IncidentLog incidents, BridgeClock clock,
        ILogger<NotificationService> logger)
    {
        _incidents = incidents;
        _numbers = new NoticeNumbers(clock.Time);
        MessageWriter writer = CarrierFactory.CreateWriter(settings, out string? problem);
        if (problem is not null)
        {
            LogTemplate(logger, problem);
        }

        _lines =
        [
            .. carriers.Select(carrier => new CarrierLine(
                carrier,
                new CarrierDesk(carrier.Name, settings.Grouping, clock.Now.Elapsed),
                writer,
                incidents,
                clock,
                logger)),
        ];
        _names = [.. carriers.Select(carrier => carrier.Name)];
    }

    /// <summary>Takes in what was kept over a restart. Called once, before anything is told.</summary>
    public void Restore(RestoredNotices notices)
    {
        if (notices.Notices.Count > 0)
        {
            _numbers.Above(notices.Notices[^1].Id);
        }

        foreach (CarrierLine line in _lines)
        {
            line.Restore(notices);
        }

        // A carrier that is configured no more delivers nothing any more.
        foreach ((string carrier, IReadOnlySet<long> undelivered) in notices.Undelivered)
        {
            if (!_names.Contains(carrier))
            {
                _incidents.TryNote(new StateChange.Delivered(carrier, [.. undelivered], Folded: null));
            }
        }
    }

    /// <summary>A notice with its number and its carriers, to be written down before it is told.</summary>
    public OutgoingNotice Prepare(Notice notice) => new(_numbers.Number(notice), _names);

    /// <summary>Tells a notice. Waits for nothing; null is nothing.</summary>
    public void Tell(OutgoingNotice? outgoing)
    {
        foreach (CarrierLine line in outgoing is null ? [] : _lines)
        {
            line.Add(outgoing!.Notice);
        }
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken)
        => Task.WhenAll(_lines.Select(line => line.RunAsync(stoppingToken)));

    [LoggerMessage(Level = LogLevel.Error, Message = "notify-text-file: {Problem}; the usual text is used")]
    private static partial void LogTemplate(ILogger logger, string problem);
}
