using System.Text;
using HostBridge.Recovery;
using Protocol.Xenstore;
using Protocol.Xenstore.Client;

namespace HostBridge.Guests.Channels;

/// <summary>Where a guest's channel is reached on this host.</summary>
/// <param name="Guest">The guest's uuid.</param>
/// <param name="Domain">The domain it runs in.</param>
/// <param name="Path">The path.</param>
/// <param name="IsTerminal">Whether it is a pseudo-terminal; otherwise a unix socket.</param>
internal sealed record ChannelPlace(Guid Guest, DomainId Domain, string Path, bool IsTerminal);

/// <summary>
/// Finds the channel of a domain by what the toolstack wrote: the backend's side, which no guest can change, and for a
/// pseudo-terminal a node of the frontend's side that still belongs to Dom0 — a guest that made it anew would own it.
/// A broken link throws <see cref="XenstoreLinkException"/>.
/// </summary>
/// <param name="xenstore">The way to xenstore.</param>
/// <param name="name">The channel's name.</param>
internal sealed class ChannelFinder(XenstoreClient xenstore, string name)
{
    private const string Consoles = "/local/domain/0/backend/console";
    private const string TerminalFolder = "/dev/pts/";

    /// <summary>The domains that have a console served from this one.</summary>
    public async Task<IReadOnlySet<DomainId>> DomainsAsync(CancellationToken cancellationToken)
    {
        XenstoreResult<IReadOnlyList<string>> names = await xenstore.DirectoryAsync(Consoles, cancellationToken)
            .ConfigureAwait(false);
        if (names.Error is not (XenstoreError.None or XenstoreError.ENOENT))
        {
            throw new XenstoreLinkException(Consoles, $"cannot be listed ({names.Error})");
        }

        return (names.Value ?? []).Select(DomainNodes.ParseDomainId).OfType<DomainId>().ToHashSet();
    }

    /// <summary>The channel of a domain; null when it has none, or is no guest.</summary>
    public async Task<ChannelPlace?> FindAsync(DomainId domain, CancellationToken cancellationToken)
    {
        XenstoreResult<IReadOnlyList<string>> consoles = await xenstore
            .DirectoryAsync($"{Consoles}/{domain}", cancellationToken).ConfigureAwait(false);
        foreach (string console in (consoles.Value ?? []).Where(one => one.Length == 1 && one[0] is >= '1' and <= '9'))
        {
            string folder = $"{Consoles}/{domain}/{console}";
            if (await TextAsync($"{folder}/name", cancellationToken).ConfigureAwait(false) != name)
            {
                continue;
            }

            bool isTerminal = await TextAsync($"{folder}/connection", cancellationToken).ConfigureAwait(false) == "pty";
            string? path = isTerminal
                ? await TerminalAsync(domain, console, cancellationToken).ConfigureAwait(false)
                : await TextAsync($"{folder}/path", cancellationToken).ConfigureAwait(false);
            return path?.StartsWith('/') == true
                && await GuestAsync(domain, cancellationToken).ConfigureAwait(false) is { } guest
                    ? new ChannelPlace(guest, domain, path, isTerminal)
                    : null;
        }

        return null;
    }

    private async Task<string?> TerminalAsync(DomainId domain, string console, CancellationToken cancellationToken)
    {
        string node = GuestKeys.Absolute(domain.Value, $"device/console/{console}/tty");
        XenstoreResult<IReadOnlyList<XenstorePermission>> permissions = await xenstore
            .GetPermissionsAsync(node, cancellationToken).ConfigureAwait(false);
        if (permissions.Value is not [{ DomainId: 0 }, ..])
        {
            return null;
        }

        string? path = await TextAsync(node, cancellationToken).ConfigureAwait(false);
        return path?.StartsWith(TerminalFolder, StringComparison.Ordinal) == true
            && path.Length > TerminalFolder.Length && path[TerminalFolder.Length..].All(char.IsAsciiDigit)
                ? path
                : null;
    }

    private async Task<Guid?> GuestAsync(DomainId domain, CancellationToken cancellationToken)
    {
        XenstoreResult<byte[]> vm = await xenstore
            .ReadAsync(GuestKeys.Absolute(domain.Value, "vm"), cancellationToken).ConfigureAwait(false);
        return DomainNodes.ParseVm(vm.Value);
    }

    private async Task<string?> TextAsync(string path, CancellationToken cancellationToken)
    {
        XenstoreResult<byte[]> read = await xenstore.ReadAsync(path, cancellationToken).ConfigureAwait(false);
        return read.Value is { } value ? Encoding.UTF8.GetString(value) : null;
    }
}
