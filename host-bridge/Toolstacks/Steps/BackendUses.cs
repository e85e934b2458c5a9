using System.Text;
using HostBridge.Guests;
using HostBridge.Recovery;
using HostBridge.Storage;
using Protocol.Xenstore;
using Protocol.Xenstore.Client;

namespace HostBridge.Toolstacks.Steps;

/// <summary>A disk that some backend serves to some domain.</summary>
/// <param name="Domain">The domain it is served to.</param>
/// <param name="Text">What it is, for a person.</param>
/// <param name="Device">The device of this host behind it; null when it has none, or it is not known.</param>
/// <param name="File">The file behind it; null when it has none.</param>
/// <param name="IsWritable">Whether that domain may write to it; also when that is not known.</param>
/// <param name="IsKnown">Whether it is known what lies behind it.</param>
internal sealed record BackendUse(
    DomainId Domain, string Text, DeviceNumber? Device, string? File, bool IsWritable, bool IsKnown);

/// <summary>
/// Reads every disk that is served to any domain: the backends' side of xenstore, which no guest writes, and what blkback
/// itself says in sysfs. blkback holds no claim on its device, so this is the only way to know.
/// </summary>
/// <param name="socketPath">xenstored's socket.</param>
/// <param name="files">The host's files.</param>
internal sealed class BackendUses(string socketPath, HostFiles files)
{
    private const string Domains = "/local/domain";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <summary>The kinds of backends that serve disks.</summary>
    private static readonly string[] DiskKinds = ["vbd", "vbd3", "tap", "qdisk", "vscsi"];

    /// <summary>Every disk that is served; throws <see cref="IOException"/> when xenstore does not answer.</summary>
    public async Task<IReadOnlyList<BackendUse>> ReadAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            var xenstore = new XenstoreClient(
                socketPath, new XenstoreClientOptions { Jitter = new Random() }, TimeProvider.System);
            await using (xenstore.ConfigureAwait(false))
            {
                xenstore.Start();
                return [.. await ReadAsync(xenstore, limit.Token).ConfigureAwait(false), .. ReadKernel()];
            }
        }
        catch (Exception failure) when (failure is XenstoreLinkException or OperationCanceledException)
        {
            throw new IOException($"xenstored at {socketPath} did not tell the backends: {failure.Message}", failure);
        }
    }

    private static async Task<List<BackendUse>> ReadAsync(XenstoreClient xenstore, CancellationToken cancellationToken)
    {
        var uses = new List<BackendUse>();
        foreach (string serving in await ChildrenAsync(xenstore, Domains, cancellationToken).ConfigureAwait(false))
        {
            string backends = $"{Domains}/{serving}/backend";
            IReadOnlyList<string> kinds = await ChildrenAsync(xenstore, backends, cancellationToken).ConfigureAwait(false);
            foreach (string kind in kinds.Where(DiskKinds.Contains))
            {
                foreach (string served in await ChildrenAsync(xenstore, $"{backends}/{kind}", cancellationToken)
                    .ConfigureAwait(false))
                {
                    foreach (string disk in await ChildrenAsync(
                        xenstore, $"{backends}/{kind}/{served}", cancellationToken).ConfigureAwait(false))
                    {
                        uses.Add(await ReadDiskAsync(
                            xenstore, serving, kind, served, disk, cancellationToken).ConfigureAwait(false));
                    }
                }
            }
        }

        return uses;
    }

    private static async Task<BackendUse> ReadDiskAsync(
        XenstoreClient xenstore, string serving, string kind, string served, string disk,
        CancellationToken cancellationToken)
    {
        string folder = $"{Domains}/{serving}/backend/{kind}/{served}/{disk}";
        string text = $"{kind} {disk} of domain {served}{(serving == "0" ? string.Empty : $", served by domain {serving}")}";
        var domain = DomainNodes.ParseDomainId(served) ?? new DomainId(0);
        bool isWritable = await ValueAsync(xenstore, $"{folder}/mode", cancellationToken).ConfigureAwait(false) is not "r";
        string number = await ValueAsync(xenstore, $"{folder}/physical-device", cancellationToken).ConfigureAwait(false)
            ?? string.Empty;
        string parameters = await ValueAsync(xenstore, $"{folder}/params", cancellationToken).ConfigureAwait(false)
            ?? string.Empty;
        if (serving != "0" || kind == "vscsi")
        {
            // The numbers and names of another domain mean nothing here; whether its disk is the same one is not known.
            return new BackendUse(domain, text, Device: null, File: null, isWritable, IsKnown: false);
        }

        string path = parameters[(parameters.IndexOf(':', StringComparison.Ordinal) + 1)..];
        DeviceNumber? device = DeviceNumber.TryParseHexadecimal(number, out DeviceNumber named)
            ? named
            : path.StartsWith('/') ? DeviceNodes.NumberOf(path) : null;
        string? file = device is null && path.StartsWith('/') ? path : null;
        return new BackendUse(
            domain, text, device, file, isWritable, IsKnown: device is not null || file is not null || path.Length == 0);
    }

    private IEnumerable<BackendUse> ReadKernel()
        => new XenBackendReader(files).Read().Select(disk => new BackendUse(
            disk.Domain,
            $"blkback's disk {disk.VirtualDevice} of domain {disk.Domain}",
            disk.Device,
            File: null,
            IsWritable: true,
            IsKnown: disk.Device is not null));

    private static async Task<string?> ValueAsync(
        XenstoreClient xenstore, string path, CancellationToken cancellationToken)
        => Value(path, await xenstore.ReadAsync(path, cancellationToken).ConfigureAwait(false)) is { } value
            ? Encoding.UTF8.GetString(value)
            : null;

    private static async Task<IReadOnlyList<string>> ChildrenAsync(
        XenstoreClient xenstore, string path, CancellationToken cancellationToken)
        => Value(path, await xenstore.DirectoryAsync(path, cancellationToken).ConfigureAwait(false)) ?? [];

    /// <summary>Only what is said not to be there is not there.</summary>
    private static T? Value<T>(string path, XenstoreResult<T> result)
        where T : class
        => result.Error is XenstoreError.None or XenstoreError.ENOENT
            ? result.Value
            : throw new XenstoreLinkException(path, $"cannot be read ({result.Error})");
}
