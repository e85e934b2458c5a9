using GuestAgent.Linux;

namespace GuestAgent.Signals;

/// <summary>
/// What makes this guest restart itself before anyone is asked: a watchdog, or a kernel that panics when it finds
/// something wrong. Proves that the means are there, not that anything feeds the watchdog.
/// </summary>
internal static class SelfReset
{
    private const int MaxMeans = 4;

    private static readonly string[] PanicSettings = ["panic_on_oops", "hung_task_panic", "softlockup_panic"];

    /// <summary>The names of what is there: <c>watchdog0</c>, <c>hung_task_panic</c>.</summary>
    public static IReadOnlyList<string> Read(PathRoot paths)
    {
        string watchdogs = paths.Sys("class/watchdog");
        IEnumerable<string> named = Directory.Exists(watchdogs)
            ? Directory.GetDirectories(watchdogs).Select(one => Path.GetFileName(one)).Order(StringComparer.Ordinal)
            : File.Exists(paths.Dev("watchdog")) ? ["watchdog"] : [];
        IEnumerable<string> settings = PanicSettings
            .Where(name => SmallFile.TryReadText(paths.Proc($"sys/kernel/{name}")) is { } value && value != "0");
        return [.. named.Concat(settings).Take(MaxMeans)];
    }
}
