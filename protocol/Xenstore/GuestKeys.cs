using System.Globalization;
using Protocol.Health;

namespace Protocol.Xenstore;

/// <summary>
/// Where guest and host meet in xenstore, relative to <c>/local/domain/DOMID</c>. What the guest writes lies under
/// <c>data/</c>, which libxl makes writable for it; what the host writes under <c>control/</c>, which it does not.
/// </summary>
public static class GuestKeys
{
    /// <summary>The folder of everything the guest says in full.</summary>
    public const string Report = "data/guest-agent";

    /// <summary>The folder of the summary, where XAPI collects it.</summary>
    public const string Service = "data/service/guest-agent";

    /// <summary>The version of the words (<see cref="GuestReport.CurrentSchema"/>).</summary>
    public const string Schema = Report + "/schema";

    /// <summary>The boot that speaks.</summary>
    public const string BootId = Report + "/boot-id";

    /// <summary>The agent's version.</summary>
    public const string Version = Report + "/version";

    /// <summary>The summary: severity and worst verdict.</summary>
    public const string State = Report + "/state";

    /// <summary>Since when the summary holds.</summary>
    public const string Since = Report + "/since";

    /// <summary>How many filesystems are watched.</summary>
    public const string FilesystemCount = Report + "/filesystem-count";

    /// <summary>Sign of life, once a minute: sequence and uptime.</summary>
    public const string Heartbeat = Report + "/heartbeat";

    /// <summary>
    /// The boot whose initramfs asked for <see cref="ForcedFsck"/>; absent when none did. A value of another boot says
    /// nothing.
    /// </summary>
    public const string FsckHook = Report + "/fsck-hook";

    /// <summary>The answer to the last request.</summary>
    public const string Outcome = Report + "/outcome";

    /// <summary>The folder of the filesystems, one node each.</summary>
    public const string Filesystems = Report + "/filesystem";

    /// <summary>The folder that the host makes for its requests.</summary>
    public const string Control = "control/guest-agent";

    /// <summary>The host's request; removed by the host when it is answered.</summary>
    public const string Request = Control + "/request";

    /// <summary>Whether the guest's early boot is to force a check: <see cref="Force"/>, or absent.</summary>
    public const string ForcedFsck = Control + "/fsck";

    /// <summary>The value of <see cref="ForcedFsck"/>.</summary>
    public const string Force = "force";

    /// <summary>What the host last did for the guest, and how that ended (<see cref="Health.LastRecovery"/>).</summary>
    public const string LastRecovery = Control + "/last-recovery";

    /// <summary>The node of one filesystem.</summary>
    /// <param name="slot">0 for the worst, to <see cref="GuestReport.MaxFilesystems"/> − 1.</param>
    public static string Filesystem(int slot)
        => string.Create(CultureInfo.InvariantCulture, $"{Filesystems}/{slot}");

    /// <summary>The absolute form of a path of a domain, for a client in Dom0.</summary>
    public static string Absolute(int domainId, string relative)
        => string.Create(CultureInfo.InvariantCulture, $"/local/domain/{domainId}/{relative}");
}
