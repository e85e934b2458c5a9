using System.Globalization;
using HostBridge.Recovery;
using Protocol.Health;
using Protocol.Xenstore;
using Protocol.Xenstore.Client;

namespace HostBridge.Guests;

/// <summary>Everything that one reading of a domain found.</summary>
/// <param name="Guest">Who runs in it.</param>
/// <param name="Disks">Its disks, by the backend's side.</param>
/// <param name="Nodes">What the guest wrote, by relative key; only allow-listed keys, null for an absent one.</param>
internal sealed record DomainReading(
    GuestIdentity Guest, GuestDisks Disks, IReadOnlyDictionary<string, byte[]?> Nodes);

/// <summary>
/// Reads one domain: a fixed list of keys, and never a folder that the guest fills. A broken link throws
/// <see cref="XenstoreLinkException"/>.
/// </summary>
/// <param name="xenstore">The way to xenstore.</param>
internal sealed class DomainReader(XenstoreClient xenstore)
{
    /// <summary>The kinds of disk backends; only <c>vbd</c> tells a device number of this host.</summary>
    private static readonly string[] UnmappableKinds = ["qdisk", "vbd3", "tap"];

    /// <summary>A CD drive of a guest.</summary>
    private enum Drive
    {
        /// <summary>It is none.</summary>
        None = 0,

        /// <summary>There is no image in it.</summary>
        Empty,

        /// <summary>There is one.</summary>
        Loaded,
    }

    /// <summary>Reads a domain; null when it is no guest, is gone, or becomes another one meanwhile.</summary>
    public async Task<DomainReading?> ReadAsync(DomainId domain, CancellationToken cancellationToken)
    {
        Task<Guid?> before = GuestAsync(domain, cancellationToken);
        Task<byte[]?> name = ValueAsync(GuestKeys.Absolute(domain.Value, "name"), cancellationToken);
        Task<GuestDisks> disks = ReadDisksAsync(domain, cancellationToken);
        IReadOnlyDictionary<string, byte[]?> rest = await ReadNodesAsync(
            domain, [.. ReportAssembler.FixedKeys, GuestKeys.Outcome], cancellationToken).ConfigureAwait(false);
        await Task.WhenAll(before, name, disks).ConfigureAwait(false);
        if (await before.ConfigureAwait(false) is not { } uuid)
        {
            return null;
        }

        int slots = ReportAssembler.SlotCount(rest.GetValueOrDefault(GuestKeys.FilesystemCount));
        Task<IReadOnlyDictionary<string, byte[]?>> lines = ReadNodesAsync(
            domain, [.. ReportAssembler.FilesystemKeys.Take(slots)], cancellationToken);
        Guid? after = await GuestAsync(domain, cancellationToken).ConfigureAwait(false);
        IEnumerable<KeyValuePair<string, byte[]?>> nodes = rest.Concat(await lines.ConfigureAwait(false));
        return after != uuid
            ? null
            : new DomainReading(
                new GuestIdentity(uuid, DomainNodes.ParseName(await name.ConfigureAwait(false), domain)),
                await disks.ConfigureAwait(false),
                new Dictionary<string, byte[]?>(nodes, StringComparer.Ordinal));
    }

    /// <summary>
    /// Reads some keys of a domain, null for those that are absent; null when this guest is not in it any more.
    /// </summary>
    public async Task<IReadOnlyDictionary<string, byte[]?>?> ReadKeysAsync(
        DomainId domain, Guid guest, IReadOnlyCollection<string> keys, CancellationToken cancellationToken)
    {
        Task<IReadOnlyDictionary<string, byte[]?>> nodes = ReadNodesAsync(domain, keys, cancellationToken);
        Guid? after = await GuestAsync(domain, cancellationToken).ConfigureAwait(false);
        IReadOnlyDictionary<string, byte[]?> read = await nodes.ConfigureAwait(false);
        return after == guest ? read : null;
    }

    /// <summary>All are asked for at once.</summary>
    private async Task<IReadOnlyDictionary<string, byte[]?>> ReadNodesAsync(
        DomainId domain, IReadOnlyCollection<string> keys, CancellationToken cancellationToken)
    {
        byte[]?[] values = await Task
            .WhenAll(keys.Select(key => ValueAsync(GuestKeys.Absolute(domain.Value, key), cancellationToken)))
            .ConfigureAwait(false);
        return keys.Zip(values).ToDictionary(pair => pair.First, pair => pair.Second, StringComparer.Ordinal);
    }

    private async Task<Guid?> GuestAsync(DomainId domain, CancellationToken cancellationToken)
        => DomainNodes.ParseVm(
            await ValueAsync(GuestKeys.Absolute(domain.Value, "vm"), cancellationToken).ConfigureAwait(false));

    private async Task<GuestDisks> ReadDisksAsync(DomainId domain, CancellationToken cancellationToken)
    {
        string folder = $"/local/domain/0/backend/vbd/{domain}";
        Task<IReadOnlyList<string>> mappable = ChildrenAsync(folder, cancellationToken);
        Task<IReadOnlyList<string>>[] others =
        [
            .. UnmappableKinds.Select(
                kind => ChildrenAsync($"/local/domain/0/backend/{kind}/{domain}", cancellationToken)),
        ];
        string trusted = $"/libxl/{domain}/device/vbd";
        Task<IReadOnlyList<string>> known = ChildrenAsync(trusted, cancellationToken);

        var devices = new List<DeviceNumber>();
        var readOnly = new List<DeviceNumber>();
        var unmappable = new List<string>();
        var numbers = new SortedSet<int>();
        int emptyDrives = 0;
        foreach (string disk in await mappable.ConfigureAwait(false))
        {
            AddNumber(numbers, disk);
            Task<string?> mode = TextAsync($"{folder}/{disk}/mode", cancellationToken);
            string? number = await TextAsync($"{folder}/{disk}/physical-device", cancellationToken).ConfigureAwait(false);
            bool mayOnlyRead = await mode.ConfigureAwait(false) == "r";
            if (DeviceNumber.TryParseHexadecimal(number ?? string.Empty, out DeviceNumber device))
            {
                devices.Add(device);
                readOnly.AddRange(mayOnlyRead ? [device] : []);
            }
            else if (number is null && await DriveAsync($"{folder}/{disk}", cancellationToken).ConfigureAwait(false) == Drive.Empty)
            {
                emptyDrives++;
            }
            else
            {
                unmappable.Add($"vbd {disk}");
            }
        }

        foreach ((string kind, Task<IReadOnlyList<string>> disks) in UnmappableKinds.Zip(others))
        {
            foreach (string disk in await disks.ConfigureAwait(false))
            {
                AddNumber(numbers, disk);
                string backend = $"/local/domain/0/backend/{kind}/{domain}/{disk}";
                Drive drive = await DriveAsync(backend, cancellationToken).ConfigureAwait(false);
                emptyDrives += drive == Drive.Empty ? 1 : 0;
                unmappable.AddRange(drive switch
                {
                    Drive.Empty => [],
                    Drive.Loaded => [$"{kind} {disk}, a CD image (xl cd-eject takes it out),"],
                    _ => [$"{kind} {disk}"],
                });
            }
        }

        // A backend in another domain serves devices of that domain: their numbers may be the same as some of this
        // one's, and mean nothing here.
        IReadOnlyList<string> expected = await known.ConfigureAwait(false);
        foreach (string disk in expected)
        {
            byte[]? backend = await ValueAsync($"{trusted}/{disk}/backend", cancellationToken).ConfigureAwait(false);
            if (backend is not null && !backend.AsSpan().StartsWith("/local/domain/0/backend/"u8))
            {
                unmappable.Add($"vbd {disk}, whose backend is in another domain,");
            }
        }

        if (expected.Count > devices.Count + unmappable.Count + emptyDrives)
        {
            unmappable.Add("a disk whose backend is not in this domain");
        }

        // The same device twice, once to be written to, is one that must be writable.
        return new GuestDisks(devices, unmappable)
        {
            VirtualNumbers = [.. numbers],
            ReadOnly = [.. readOnly.Where(device => readOnly.Count(device.Equals) == devices.Count(device.Equals))],
        };
    }

    private static void AddNumber(SortedSet<int> numbers, string disk)
    {
        if (int.TryParse(disk, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
        {
            numbers.Add(number);
        }
    }

    /// <summary>
    /// What a backend without a device number says of CDs. An empty drive has no image: libxl writes its
    /// <c>params</c> as nothing, as a format with nothing behind it (<c>aio:</c>), or not at all.
    /// </summary>
    private async Task<Drive> DriveAsync(string backend, CancellationToken cancellationToken)
    {
        Task<string?> type = TextAsync($"{backend}/device-type", cancellationToken);
        Task<string?> mode = TextAsync($"{backend}/mode", cancellationToken);
        string parameters = await TextAsync($"{backend}/params", cancellationToken).ConfigureAwait(false) ?? string.Empty;
        string image = parameters[(parameters.IndexOf(':', StringComparison.Ordinal) + 1)..];
        return (await type.ConfigureAwait(false), await mode.ConfigureAwait(false)) switch
        {
            ("cdrom", "r") => image.Length == 0 ? Drive.Empty : Drive.Loaded,
            _ => Drive.None,
        };
    }

    private async Task<string?> TextAsync(string path, CancellationToken cancellationToken)
        => await ValueAsync(path, cancellationToken).ConfigureAwait(false) is { } value
            ? System.Text.Encoding.ASCII.GetString(value)
            : null;

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
