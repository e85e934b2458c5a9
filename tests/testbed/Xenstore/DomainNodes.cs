using System.Globalization;
using Protocol.Xenstore;

namespace Testbed.Xenstore;

/// <summary>A node that a toolstack makes.</summary>
/// <param name="Path">Its absolute path.</param>
/// <param name="Value">Its value.</param>
/// <param name="Permissions">The owner first.</param>
public sealed record DomainNode(string Path, string Value, IReadOnlyList<XenstorePermission> Permissions);

/// <summary>What libxl makes for a new domain (tools/libs/light/libxl_create.c), as far as guests care.</summary>
/// <param name="DomainId">The domain's number.</param>
/// <param name="Name">Its name.</param>
/// <param name="Uuid">Its uuid, as text.</param>
public sealed record DomainNodes(int DomainId, string Name, string Uuid)
{
    private static readonly string[] ReadOnlyFolders = ["cpu", "memory", "device", "control"];
    private static readonly string[] OwnFolders = ["data", "drivers", "feature", "attr", "error"];
    private static readonly string[] OwnControls =
        ["shutdown", "sysrq", "feature-poweroff", "feature-reboot", "feature-suspend"];

    /// <summary>The home of the domain.</summary>
    public string Home => HomeOf(DomainId);

    /// <summary>Where the toolstack keeps the domain by its uuid.</summary>
    public string VmPath => $"/vm/{Uuid}";

    /// <summary>The home of a domain.</summary>
    public static string HomeOf(int domainId)
        => string.Create(CultureInfo.InvariantCulture, $"/local/domain/{domainId}");

    /// <summary>A domain whose name and uuid are made from its number where they are not given.</summary>
    public static DomainNodes For(int domainId, string? name, string? uuid) => new(
        domainId,
        name ?? string.Create(CultureInfo.InvariantCulture, $"guest-{domainId}"),
        uuid ?? string.Create(CultureInfo.InvariantCulture, $"00000000-0000-4000-8000-{domainId:x12}"));

    /// <summary>Every node, parents first.</summary>
    public IEnumerable<DomainNode> All()
    {
        XenstorePermission[] readOnly = [new(XenstoreAccess.None, 0), new(XenstoreAccess.Read, DomainId)];
        XenstorePermission[] owned = [new(XenstoreAccess.None, DomainId)];
        return
        [
            new(VmPath, Uuid, readOnly),
            new($"{VmPath}/name", Name, readOnly),
            new(Home, string.Empty, readOnly),
            new($"{Home}/vm", VmPath, readOnly),
            new($"{Home}/name", Name, readOnly),
            new($"{Home}/domid", DomainId.ToString(CultureInfo.InvariantCulture), readOnly),
            .. ReadOnlyFolders.Select(folder => new DomainNode($"{Home}/{folder}", string.Empty, readOnly)),
            .. OwnFolders.Select(folder => new DomainNode($"{Home}/{folder}", string.Empty, owned)),
            .. OwnControls.Select(key => new DomainNode($"{Home}/control/{key}", string.Empty, owned)),
        ];
    }
}
