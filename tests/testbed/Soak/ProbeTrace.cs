using System.Globalization;
using System.Text.RegularExpressions;

namespace Testbed.Soak;

/// <summary>
/// What the probes of an agent really took, as strace saw it: from the opening of the mount point to the reply that the
/// same thread writes. What the agent says of itself is no witness.
/// </summary>
internal sealed partial class ProbeTrace
{
    private readonly Dictionary<string, List<TimeSpan>> _durations = [];

    private ProbeTrace()
    {
    }

    /// <summary>The command that traces another one, without a process between that and its parent.</summary>
    public static string[] Command(string file)
        => ["strace", "-D", "-f", "-ttt", "-s", "256", "-e", "trace=openat,write", "-o", file];

    public static ProbeTrace Read(string file)
    {
        var trace = new ProbeTrace();
        var begun = new Dictionary<string, (string Path, decimal Time)>();
        foreach (Match call in File.ReadLines(file).Select(line => Call().Match(line)).Where(call => call.Success))
        {
            string task = call.Groups["task"].Value;
            decimal time = decimal.Parse(call.Groups["time"].Value, CultureInfo.InvariantCulture);
            if (call.Groups["path"] is { Success: true, Value: var path })
            {
                begun[task] = (path, time);
            }
            else if (begun.Remove(task, out (string Path, decimal Time) start))
            {
                trace.Add(start.Path, TimeSpan.FromSeconds((double)(time - start.Time)));
            }
        }

        return trace;
    }

    /// <summary>How long each probe of a filesystem took.</summary>
    public IReadOnlyList<TimeSpan> Of(string mountPoint) => _durations.GetValueOrDefault(mountPoint, []);

    private void Add(string path, TimeSpan duration)
    {
        if (!_durations.TryGetValue(path, out List<TimeSpan>? durations))
        {
            _durations[path] = durations = [];
        }

        durations.Add(duration);
    }

    // "44  1795491219.152924 openat(AT_FDCWD, "/srv", O_RDONLY|…|O_PATH|O_DIRECTORY) = 4"
    // "44  1795491219.153924 write(1, "\22\0\231"…, 20) = 20"
    [GeneratedRegex(
        """^(?<task>\d+) +(?<time>\d+\.\d+) (?:openat\(AT_FDCWD, "(?<path>[^"]*)", [^"]*O_PATH|write\(1,)""")]
    private static partial Regex Call();
}
