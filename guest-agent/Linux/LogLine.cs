using System.Globalization;
using Serilog.Events;
using Serilog.Formatting;
using Serilog.Parsing;

namespace GuestAgent.Linux;

/// <summary>
/// One event, one line: with the priority in angle brackets where journald reads (sd-daemon(3)), with time and
/// level elsewhere. Control characters are escaped: a name from a disk must not forge a line.
/// </summary>
internal sealed class LogLine(bool isForJournal) : ITextFormatter
{
    public void Format(LogEvent logEvent, TextWriter output)
    {
        string text = Render(logEvent);
        output.Write(isForJournal
            ? $"<{PriorityOf(logEvent.Level)}>"
            : $"{logEvent.Timestamp.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.fff'Z'} {logEvent.Level,-11} ");
        foreach (char letter in text)
        {
            output.Write(char.IsControl(letter) ? $"\\x{(int)letter:x2}" : letter.ToString());
        }

        output.Write('\n');
    }

    /// <summary>Text stands as it is, without the quotation marks that Serilog would put around it.</summary>
    private static string Render(LogEvent logEvent)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        foreach (MessageTemplateToken token in logEvent.MessageTemplate.Tokens)
        {
            if (token is PropertyToken property
                && logEvent.Properties.TryGetValue(property.PropertyName, out LogEventPropertyValue? value)
                && value is ScalarValue { Value: string plain })
            {
                text.Write(plain);
            }
            else
            {
                token.Render(logEvent.Properties, text, CultureInfo.InvariantCulture);
            }
        }

        return logEvent.Exception is { } exception ? $"{text}: {exception}" : text.ToString();
    }

    private static int PriorityOf(LogEventLevel level) => level switch
    {
        LogEventLevel.Fatal => 2,
        LogEventLevel.Error => 3,
        LogEventLevel.Warning => 4,
        LogEventLevel.Information => 6,
        _ => 7,
    };
}
