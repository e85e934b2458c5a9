using HostBridge.Recovery;
using Protocol.Health;
using Protocol.Xenstore;
using Protocol.Xenstore.Client;

namespace HostBridge.Guests;

/// <summary>Everything that one reading of a domain found.</summary>
/// <param name="Guest">Who runs in it.</param>
/// <param name="Disks">Its disks, by the backend's side.</param>
/// <param name="Nodes">What the guest wrote, by relative key; only allow-listed keys of an allowed size.</param>
/// <param name="Oversized">The first key that was left out because of its size; null when none was.</param>
internal sealed record DomainReading(
    GuestIdentity Guest, GuestDisks Disks, IReadOnlyDictionary<string, byte[]> Nodes, string? Oversized);

/// <summary>
/// Reads one domain: a fixed list of keys, and never a folder that the guest fills. A broken link throws
/// <see cref="XenstoreLinkException"/>.
/// </summary>
/// <param name="xenstore">The way to xenstore.</param>
internal sealed class DomainReader(XenstoreClient xenstore)
{
    /// <summary>The kinds of disk backends; only <c>vbd</c> tells a device number of this host.</summary>
    private static readonly string[] UnmappableKinds = ["qdisk", "vbd3", "tap"];

    /// <summary>Reads a domain; null when it is no guest, or is gone.</summary>
    public async Task<DomainReading?> ReadAsync(DomainId domain, CancellationToken cancellationToken)
    {
        byte[]? vm = await ValueAsync(GuestKeys.Absolute(domain.Value, "vm"), cancellationToken).ConfigureAwait(false);
        if (DomainNodes.ParseVm(vm) is not { } uuid)
        {
            return null;
        }

        byte[]? name = await ValueAsync(GuestKeys.Absolute(domain.Value, "name"), cancellationToken)
            .ConfigureAwait(false);
        GuestDisks disks = await ReadDisksAsync(domain, cancellationToken).ConfigureAwait(false);

        var nodes = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        string? oversized = null;
        foreach (string key in ReportAssembler.FixedKeys.Append(GuestKeys.Outcome))
        {
            oversized ??= await AddNodeAsync(nodes, domain, key, cancellationToken).ConfigureAwait(false);
        }

        int slots = ReportAssembler.SlotCount(nodes.GetValueOrDefault(GuestKeys.FilesystemCount));
        for (int slot = 0; slot < slots; slot++)
        {
            oversized ??= await AddNodeAsync(nodes, domain, GuestKeys.Filesystem(slot), cancellationToken)
                .ConfigureAwait(false);
        }

        return new DomainReading(
            new GuestIdentity(uuid, DomainNodes.ParseName(name, domain)), disks, nodes, oversized);
    }

    private async Task<string?> AddNodeAsync(
        Dictionary<string, byte[]> nodes, DomainId domain, string key, CancellationToken cancellationToken)
    {
        byte[]? value = await ValueAsync(GuestKeys.Absolute(domain.Value, key), cancellationToken)
            .ConfigureAwait(false);
        if (value?.Length > FieldLine.MaxLength)
        {
            return key;
        }

        if (value is not null)
        {
            nodes[key] = value;
        }

        return null;
    }

    private async Task<GuestDisks> ReadDisksAsync(DomainId domain, CancellationToken cancellationToken)
    {
        var devices = new List<DeviceNumber>();
        var unmappable = new List<string>();
        string folder = $"/local/domain/0/backend/vbd/{domain}";
        foreach (string disk in await ChildrenAsync(folder, cancellationToken).ConfigureAwait(false))
        {
            byte[]? number = await ValueAsync($"{folder}/{disk}/physical-device", cancellationToken)
                .ConfigureAwait(false);
            if (DeviceNumber.TryParseHexadecimal(System.Text.Encoding.ASCII.GetString(number ?? []), out var device))
            {
                devices.Add(device);
            }
            else
            {
                unmappable.Add($"vbd {disk}");
            }
        }

        foreach (string kind in UnmappableKinds)
        {
            string other = $"/local/domain/0/backend/{kind}/{domain}";
            IReadOnlyList<string> disks = await ChildrenAsync(other, cancellationToken).ConfigureAwait(false);
            unmappable.AddRange(disks.Select(disk => $"{kind} {disk}"));
        }

        // A backend in another domain serves devices of that domain: their numbers may be the same as some of this
        // one's, and mean nothing here.
        string trusted = $"/libxl/{domain}/device/vbd";
        IReadOnlyList<string> expected = await ChildrenAsync(trusted, cancellationToken).ConfigureAwait(false);
        foreach (string disk in expected)
        {
            byte[]? backend = await ValueAsync($"{trusted}/{disk}/backend", cancellationToken).ConfigureAwait(false);
            if (backend is not null && !backend.AsSpan().StartsWith("/local/domain/0/backend/"u8))
            {
                unmappable.Add($"vbd {disk}, whose backend is in another domain,");
            }
        }

        if (expected.Count > devices.Count + unmappable.Count)
        {
            unmappable.Add("a disk whose backend is not in this domain");
        }

        return new GuestDisks(devices, unmappable);
    }

    private async Task<byte[]?> ValueAsync(string path, CancellationToken cancellationToken)
        => ValueOrNothing(path, await xenstore.ReadAsync(path, cancellationToken).ConfigureAwait(false));

    private async Task<IReadOnlyList<string>> ChildrenAsync(string path, CancellationToken cancellationToken)
        => ValueOrNothing(path, await xenstore.DirectoryAsync(path, cancellationToken).ConfigureAwait(false)) ?? [];

    /// <summary>Only what is said not to be there is not there: a disk must not vanish by a failed reading.</summary>
    private static T? ValueOrNothing<T>(string path, XenstoreResult<T> result)
        where T : class
        => result.Error is XenstoreError.None or XenstoreError.ENOENT
            ? result.Value
            : throw new XenstoreLinkException(path, $"cannot be read ({result.Error})");
}
