namespace HostBridge.Recovery;

/// <summary>
/// One instant on both clocks: every duration is measured on the monotonic one, the wall clock is for people and
/// for the incident log, which outlives the process.
/// </summary>
/// <param name="Elapsed">Monotonic time since an arbitrary start, the same for the whole process.</param>
/// <param name="Wall">The same instant on Dom0's wall clock.</param>
internal readonly record struct Moment(TimeSpan Elapsed, DateTimeOffset Wall);
