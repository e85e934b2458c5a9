using System.Globalization;
using System.Text;

namespace HostBridge.Notifications.Wording;

/// <summary>
/// A message as mail (RFC 5322), in ASCII: what is none is encoded (RFC 2047, base64). No value can begin a header of
/// its own: a control character never gets into one.
/// </summary>
internal static class MailText
{
    /// <summary>An encoded word has at most 75 characters (RFC 2047, section 2): so many bytes of text in base64.</summary>
    private const int MaxWordBytes = 45;

    /// <summary>The longest subject that is left on one line.</summary>
    private const int MaxPlainLength = 200;

    /// <summary>The longest line of a body (RFC 5322, section 2.1.1).</summary>
    private const int MaxLineLength = 998;

    private const int EncodedLineLength = 76;

    /// <summary>The mail.</summary>
    /// <param name="message">What it says.</param>
    /// <param name="from">Who it comes from; checked before by <see cref="IsAddress"/>.</param>
    /// <param name="recipients">To whom; checked as well.</param>
    /// <param name="at">This moment.</param>
    public static byte[] Write(
        NoticeMessage message, string from, IReadOnlyList<string> recipients, DateTimeOffset at)
    {
        bool isPlain = IsPlain(message.Text);
        var mail = new StringBuilder();
        mail.Append(CultureInfo.InvariantCulture, $"From: {from}\n");
        mail.Append(CultureInfo.InvariantCulture, $"To: {string.Join(", ", recipients)}\n");
        mail.Append(CultureInfo.InvariantCulture, $"Subject: {Header(message.Title)}\n");
        mail.Append(CultureInfo.InvariantCulture, $"Date: {at.UtcDateTime:ddd, dd MMM yyyy HH:mm:ss} +0000\n");
        // The same notices told again have the same name, so that a reader can drop the second.
        mail.Append(CultureInfo.InvariantCulture, $"Message-ID: <{message.Id}.host-bridge@{HostPart(message.Host)}>\n");
        mail.Append("Auto-Submitted: auto-generated\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n");
        mail.Append(CultureInfo.InvariantCulture, $"Content-Transfer-Encoding: {(isPlain ? "7bit" : "base64")}\n\n");
        mail.Append(isPlain ? message.Text : Encoded(message.Text));
        return Encoding.ASCII.GetBytes(mail.ToString());
    }

    /// <summary>
    /// Whether a text can stand for a sender or recipient: <c>root</c>, <c>admin@example.org</c>. No names beside it, no
    /// quoted ones, no options of a command.
    /// </summary>
    public static bool IsAddress(string text)
    {
        string[] halves = text.Split('@');
        return text.Length is > 0 and <= 254 && halves.Length <= 2 && text[0] != '-'
            && halves.All(half => half.Length > 0
                && half.All(letter => char.IsAsciiLetterOrDigit(letter) || ".!#$%&'*+/=?^_`{|}~-".Contains(letter)));
    }

    /// <summary>A text as the value of a header.</summary>
    internal static string Header(string text)
    {
        string clean = string.Concat(text.Select(letter => char.IsControl(letter) ? ' ' : letter));
        if (clean.Length <= MaxPlainLength && clean.All(char.IsAscii) && !clean.Contains("=?"))
        {
            return clean;
        }

        var words = new List<string>();
        var word = new List<byte>();
        foreach (Rune rune in clean.EnumerateRunes())
        {
            byte[] bytes = new byte[rune.Utf8SequenceLength];
            rune.EncodeToUtf8(bytes);
            if (word.Count + bytes.Length > MaxWordBytes)
            {
                words.Add(EncodedWord(word));
                word.Clear();
            }

            word.AddRange(bytes);
        }

        words.Add(EncodedWord(word));
        return string.Join("\n ", words);
    }

    private static string EncodedWord(List<byte> bytes) => $"=?utf-8?B?{Convert.ToBase64String([.. bytes])}?=";

    private static bool IsPlain(string text)
        => text.All(letter => letter is '\n' or (>= ' ' and <= '~'))
            && text.Split('\n').All(line => line.Length <= MaxLineLength);

    private static string Encoded(string text)
    {
        string encoded = Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
        return string.Join('\n', encoded.Chunk(EncodedLineLength).Select(line => new string(line))) + "\n";
    }

    private static string HostPart(string host)
    {
        string clean = string.Concat(host.Where(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '.'));
        return clean.Length > 0 ? clean : "localhost";
    }
}
