using System.Globalization;
using HostBridge.Notifications.Grouping;
using HostBridge.Notifications.Telling;

namespace HostBridge.Notifications.Wording;

/// <summary>Puts what is to be told into the words of the templates.</summary>
/// <param name="host">This host, for people.</param>
/// <param name="title">The template of the title; line breaks in it become blanks.</param>
/// <param name="text">The template of the text.</param>
internal sealed class MessageWriter(string host, MessageTemplate title, MessageTemplate text)
{
    /// <summary>The title where none is configured.</summary>
    public const string DefaultTitle = "[{host}] {title}";

    /// <summary>The text where none is configured.</summary>
    public const string DefaultText =
        """
        {time}
        What happened: {what}
        Why:           {why}
        What was done: {done}
        What to do:    {todo}

        {details}{left-out}
        """;

    private const int MaxTitleLength = 300;
    private const int MaxTextLength = 12_000;

    /// <summary>The message that tells a batch.</summary>
    public NoticeMessage Write(NoticeBatch batch)
    {
        Dictionary<string, string> fields = MessageFields.Of(batch, host);
        string line = title.Fill(fields).ReplaceLineEndings(" ").Trim();
        string lines = text.Fill(fields).ReplaceLineEndings("\n").TrimEnd() + "\n";
        return new NoticeMessage(
            IdOf(batch),
            host,
            Cut(line, MaxTitleLength),
            Cut(lines, MaxTextLength),
            batch.Notices.Min(notice => notice.Kind.ToPriority()),
            batch);
    }

    private static string IdOf(NoticeBatch batch) => string.Create(
        CultureInfo.InvariantCulture,
        $"{batch.Notices.Min(notice => notice.Id)}.{batch.Notices.Max(notice => notice.Id)}.{batch.Notices.Count}");

    /// <summary>Cuts a text, but never within a character of two halves.</summary>
    private static string Cut(string text, int most)
        => text.Length <= most ? text : text[..(char.IsHighSurrogate(text[most - 1]) ? most - 1 : most)];
}
