using HostBridge.Notifications.Wording;

namespace HostBridge.Notifications.Carriers;

/// <summary>A way on which messages reach people.</summary>
internal interface INoticeCarrier
{
    /// <summary>Its name: one word, also for what is kept.</summary>
    string Name { get; }

    /// <summary>Delivers a message within a limit of its own.</summary>
    /// <returns>Null when it is delivered; otherwise why not, for a person, without any secret.</returns>
    Task<string?> DeliverAsync(NoticeMessage message, CancellationToken cancellationToken);
}
