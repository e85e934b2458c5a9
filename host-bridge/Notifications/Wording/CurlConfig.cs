using System.Globalization;
using System.Text;

namespace HostBridge.Notifications.Wording;

/// <summary>
/// What curl is told on its standard input (<c>--config -</c>, curl(1)): everything, so that neither address nor secret
/// stands in its arguments, which everybody can read.
/// </summary>
internal static class CurlConfig
{
    /// <summary>The configuration for one delivery by POST.</summary>
    /// <param name="url">Where to; http or https.</param>
    /// <param name="headers">Further headers, <c>Name: value</c>.</param>
    /// <param name="body">The body, JSON in UTF-8.</param>
    /// <param name="limitSeconds">How long it may take.</param>
    public static byte[] Write(string url, IReadOnlyList<string> headers, ReadOnlySpan<byte> body, int limitSeconds)
    {
        var config = new StringBuilder("silent\nshow-error\nfail\ngloboff\n");
        Add(config, "output", "/dev/null");
        Add(config, "proto", "=http,https");
        Add(config, "max-time", limitSeconds.ToString(CultureInfo.InvariantCulture));
        Add(config, "url", url);
        Add(config, "header", "Content-Type: application/json");
        // Without this curl asks first whether a longer body is wanted, and waits for servers that do not answer.
        Add(config, "header", "Expect:");
        foreach (string header in headers)
        {
            Add(config, "header", header);
        }

        Add(config, "data-binary", Encoding.UTF8.GetString(body));
        return Encoding.UTF8.GetBytes(config.ToString());
    }

    /// <summary>What an exit code of curl means (curl(1), EXIT CODES), for a person.</summary>
    public static string Meaning(int exitCode) => exitCode switch
    {
        3 => "the address is malformed",
        5 or 6 => "the host's name cannot be resolved",
        7 => "nothing answers there",
        22 => "the server answered with an error",
        28 => "the server did not answer in time",
        35 => "TLS could not be agreed on",
        52 or 56 => "the server hung up",
        51 or 58 or 60 or 77 => "the server's certificate is not accepted",
        _ => "see EXIT CODES in curl(1)",
    };

    /// <summary>In quotes, a backslash makes what follows it itself.</summary>
    private static void Add(StringBuilder config, string name, string value)
    {
        config.Append(name).Append(" = \"");
        foreach (char letter in value)
        {
            _ = letter switch
            {
                '"' or '\\' => config.Append('\\').Append(letter),
                '\n' or '\r' or '\0' => config.Append(' '),
                _ => config.Append(letter),
            };
        }

        config.Append("\"\n");
    }
}
