using System.Text.RegularExpressions;

namespace HostBridge.Diagnosis.Parsing;

/// <summary>
/// Takes secrets out of what leaves the machine: names and passwords of CHAP (iscsid.conf, records, iscsiadm), keys of
/// DH-HMAC-CHAP, passwords of VNC, and whatever else is called a password, a secret or a token. Rather too much.
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
    [GeneratedRegex(@"^(?<name>[ \t#]*[\w./\[\]-]*(?:passw(?:or)?d|vncpass|secret|username|credential)[\w.-]*[ \t]*[=:][ \t]*)[^\r\n]*", RegexOptions.Multiline | RegexOptions.IgnoreCase)]
    private static partial Regex Setting();

    // "passwd": "x" of JSON, which may stand anywhere in a line.
    [GeneratedRegex(@"(?<name>""[\w.-]*(?:passw(?:or)?d|secret|username|token|credential)[\w.-]*""[ \t]*:[ \t]*)""(?:[^""\\]|\\.)*""", RegexOptions.IgnoreCase)]
    private static partial Regex Quoted();

    // rd.iscsi.password=x on a kernel's command line, vncpasswd=x in a list, --password x of a program.
    [GeneratedRegex(@"(?<name>[\w.-]*(?:passw(?:or)?d|secret|username|token|credential)[\w.-]*(?:=|[ \t]*:[ \t]+|(?<=--[\w-]*)[ \t]+))(?!\(removed\))[^\s,'""\]]+", RegexOptions.IgnoreCase)]
    private static partial Regex Argument();

    [GeneratedRegex(@"DHHC-1:[0-9]{2}:[A-Za-z0-9+/=]+:?")]
    private static partial Regex DhChap();

    // scheme://user:password@host, and netroot=iscsi:user:password@host.
    [GeneratedRegex(@"(?<scheme>\b[a-z][a-z0-9+]*://|\biscsi:)[^\s/@:]+:[^\s/@]+@", RegexOptions.IgnoreCase)]
    private static partial Regex Address();
}
