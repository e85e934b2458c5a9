using Protocol.Health;

namespace HostBridge.Recovery;

/// <summary>
/// A person's word that one guest is to be recovered now. It stands in for the mode, a maintenance window, the grace of
/// a new boot, this host's own evidence, and once for the budget; for nothing else, and not for destroying a domain.
/// </summary>
/// <param name="BootId">The boot that the person saw: a later one is judged without the order.</param>
/// <param name="Until">When it ends, if nothing was begun, on the monotonic clock.</param>
/// <param name="IsBegun">Whether a recovery began under it: a further one counts against the budget again.</param>
internal sealed record RecoveryOrder(BootId BootId, TimeSpan Until, bool IsBegun = false);
