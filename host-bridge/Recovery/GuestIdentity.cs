using System.Globalization;

namespace HostBridge.Recovery;

/// <summary>
/// Who a guest is. The uuid outlives restarts and migrations, the domain id does not: all state is keyed by uuid.
/// </summary>
/// <param name="Uuid">The uuid from <c>/local/domain/N/vm</c>, which the toolstack writes.</param>
/// <param name="Name">The toolstack's name for it, for people; printable ASCII.</param>
internal sealed record GuestIdentity(Guid Uuid, string Name);

/// <summary>Xen's number for one running instance of a guest; a restarted guest has another.</summary>
/// <param name="Value">1 to 32751; 0 is Dom0 and never a guest.</param>
internal readonly record struct DomainId(int Value)
{
    /// <summary>The number in decimal.</summary>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
