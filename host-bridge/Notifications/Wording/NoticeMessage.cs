using HostBridge.Notifications.Grouping;

namespace HostBridge.Notifications.Wording;

/// <summary>A message as it goes to a carrier.</summary>
/// <param name="Id">Its name: the same notices told again have the same.</param>
/// <param name="Host">This host.</param>
/// <param name="Title">One line; printable.</param>
/// <param name="Text">Everything, in lines.</param>
/// <param name="Priority">The priority of syslog(3): 2 critical to 5 notice.</param>
/// <param name="Batch">What it tells.</param>
internal sealed record NoticeMessage(
    string Id, string Host, string Title, string Text, int Priority, NoticeBatch Batch);
