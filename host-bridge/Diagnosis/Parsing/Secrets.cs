using System.Text.RegularExpressions;

namespace HostBridge.Diagnosis.Parsing;

/// <summary>
/// Takes secrets out of what leaves the machine: names and passwords of CHAP (iscsid.conf, records, iscsiadm), keys of
/// DH-HMAC-CHAP, passwords of VNC, and whatever else is called a password, a secret or a token. Rather too much.
/// Guests write some of what is cleaned here, so every repetition is bounded: the time grows with the length alone.
/// </summary>
internal static partial class Secrets
{
    private const string Removed = "(removed)";

    /// <summary>The same text without them; every other byte stays as it is.</summary>
    public static string Remove(string text)
    {
        string settings = Setting().Replace(text, match => $"{match.Groups["name"].Value}{Removed}");
        string json = Quoted().Replace(settings, match => $"{match.Groups["name"].Value}\"{Removed}\"");
        string words = Argument().Replace(json, match => $"{match.Groups["name"].Value}{Removed}");
        return Address().Replace(DhChap().Replace(words, Removed), match => $"{match.Groups["scheme"].Value}{Removed}@");
    }

    // "node.session.auth.password = x y", "<TAB>username_in: x", "vncpasswd = 'x'": the rest of the line goes.
    [GeneratedRegex(@"^(?<name>[ \t#]{0,256}[\w./\[\]-]{0,128}(?:passw(?:or)?d|vncpass|secret|username|credential)[\w.-]{0,64}[ \t]{0,64}[=:][ \t]{0,64})[^\r\n]*", RegexOptions.Multiline | RegexOptions.IgnoreCase)]
    private static partial Regex Setting();

    // "passwd": "x" of JSON, which may stand anywhere in a line.
    [GeneratedRegex(@"(?<name>""[\w.-]{0,64}(?:passw(?:or)?d|secret|username|token|credential)[\w.-]{0,64}""[ \t]{0,64}:[ \t]{0,64})""(?:[^""\\]|\\.){0,4096}""", RegexOptions.IgnoreCase)]
    private static partial Regex Quoted();

    // rd.iscsi.password=x on a kernel's command line, vncpasswd=x in a list, --password x of a program.
    [GeneratedRegex(@"(?<name>(?:passw(?:or)?d|secret|username|token|credential)[\w.-]{0,64}(?:=|[ \t]{0,64}:[ \t]{1,64}|(?<=--[\w-]{0,64})[ \t]{1,64}))(?!\(removed\))[^\s,'""\]]+", RegexOptions.IgnoreCase)]
    private static partial Regex Argument();

    [GeneratedRegex(@"DHHC-1:[0-9]{2}:[A-Za-z0-9+/=]{1,256}:?")]
    private static partial Regex DhChap();

    // scheme://user:password@host, and netroot=iscsi:user:password@host.
    [GeneratedRegex(@"(?<scheme>\b[a-z][a-z0-9+]{0,32}://|\biscsi:)[^\s/@:]{1,256}:[^\s/@]{1,256}@", RegexOptions.IgnoreCase)]
    private static partial Regex Address();
}
