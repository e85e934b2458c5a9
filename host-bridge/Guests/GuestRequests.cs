using System.Text;
using HostBridge.Guests.Channels;
using HostBridge.Recovery;
using Protocol.Health;
using Protocol.Xenstore;
using Protocol.Xenstore.Client;

namespace HostBridge.Guests;

/// <summary>
/// Writes requests where a guest reads them, in xenstore and over its channel, and takes them away again.
/// </summary>
/// <param name="xenstore">The way to xenstore.</param>
/// <param name="time">The clock for the waits between attempts.</param>
/// <param name="channels">The guests' channels; null where there are none.</param>
internal sealed class GuestRequests(XenstoreClient xenstore, TimeProvider time, ChannelBook? channels = null)
{
    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    /// <summary>
    /// A xenstored that did not answer for a while takes no new connection for some seconds more. What is written then
    /// still leaves the guest most of the time until its answer is due (<see cref="RecoveryPolicy.AnswerDeadline"/>).
    /// </summary>
    private static readonly TimeSpan RetryLimit = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Writes a request, and tries again for half a minute while there is no way to xenstore. Writing the same one twice
    /// does no harm: the guest knows its id.
    /// </summary>
    /// <returns>Null when it is on its way; otherwise why not, for a person.</returns>
    public async Task<string?> SendAsync(
        GuestIdentity guest, DomainId domain, GuestRequest request, CancellationToken cancellationToken)
    {
        // Where the channel brings it, xenstore need not: it is tried there once.
        bool isBrought = channels?.Offer(guest.Uuid, domain, request) == true;
        long began = time.GetTimestamp();
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                string? problem = await SendOnceAsync(guest, domain, request, cancellationToken).ConfigureAwait(false);
                return isBrought ? null : problem;
            }
            catch (XenstoreLinkException failure)
            {
                if (isBrought || time.GetElapsedTime(began) >= RetryLimit)
                {
                    return isBrought ? null : failure.Message;
                }

                await Task.Delay(Backoff.After(attempt, FirstWait, LongestWait, request.Id), time, cancellationToken)
                    .ConfigureAwait(false);
            }
        }
    }

    /// <summary>
    /// Removes a request when it is still this one. A link that breaks meanwhile leaves it to expire.
    /// </summary>
    public async Task RemoveAsync(DomainId domain, RequestId id, CancellationToken cancellationToken)
    {
        channels?.Withdraw(domain, id);
        string path = GuestKeys.Absolute(domain.Value, GuestKeys.Request);
        try
        {
            XenstoreResult<byte[]> there = await xenstore.ReadAsync(path, cancellationToken).ConfigureAwait(false);
            if (there.Value is { } line && RequestCodec.TryParseRequest(line)?.Id == id)
            {
                await xenstore.RemoveAsync(path, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (XenstoreLinkException)
        {
            // The guest carries out no id twice, and none after its lifetime.
        }
    }

    /// <summary>
    /// Asks a guest's early boot to check its filesystems, or no more. When that fails the boot shows it: how a check
    /// ended is not known to it anyway.
    /// </summary>
    public async Task AskEarlyBootAsync(
        GuestIdentity guest, DomainId domain, bool isWanted, CancellationToken cancellationToken)
    {
        try
        {
            if (isWanted)
            {
                await WriteAsync(guest, domain, GuestKeys.ForcedFsck, GuestKeys.Force, cancellationToken)
                    .ConfigureAwait(false);
            }
            else
            {
                await xenstore
                    .RemoveAsync(GuestKeys.Absolute(domain.Value, GuestKeys.ForcedFsck), cancellationToken)
                    .ConfigureAwait(false);
            }
        }
        catch (XenstoreLinkException)
        {
            // The domain's next boot checks once more, or not at all; neither is told as proved.
        }
    }

    /// <summary>
    /// Leaves word of the last recovery. It is for people in the guest: when it fails nothing is lost but that.
    /// </summary>
    public async Task LeaveWordAsync(
        GuestIdentity guest, DomainId domain, LastRecovery recovery, CancellationToken cancellationToken)
    {
        try
        {
            await WriteAsync(
                guest, domain, GuestKeys.LastRecovery, LastRecoveryCodec.ToLine(recovery), cancellationToken)
                .ConfigureAwait(false);
        }
        catch (XenstoreLinkException)
        {
            // The host's own story tells the same.
        }
    }

    private Task<string?> SendOnceAsync(
        GuestIdentity guest, DomainId domain, GuestRequest request, CancellationToken cancellationToken)
        => WriteAsync(guest, domain, GuestKeys.Request, RequestCodec.ToLine(request), cancellationToken);

    /// <summary>Writes a node that the guest may read and not change.</summary>
    /// <returns>Null when it is written; otherwise why not, for a person.</returns>
    private async Task<string?> WriteAsync(
        GuestIdentity guest, DomainId domain, string key, string text, CancellationToken cancellationToken)
    {
        // The number may have been given to another guest since the decision.
        XenstoreResult<byte[]> vm = await xenstore
            .ReadAsync(GuestKeys.Absolute(domain.Value, "vm"), cancellationToken).ConfigureAwait(false);
        if (DomainNodes.ParseVm(vm.Value) != guest.Uuid)
        {
            return $"domain {domain} is not this guest any more";
        }

        string folder = GuestKeys.Absolute(domain.Value, GuestKeys.Control);
        string path = GuestKeys.Absolute(domain.Value, key);
        XenstorePermission[] hostWritesGuestReads =
            [new(XenstoreAccess.None, 0), new(XenstoreAccess.Read, domain.Value)];
        XenstoreError error = await xenstore.WriteAsync(folder, default, cancellationToken).ConfigureAwait(false);
        if (error == XenstoreError.None)
        {
            error = await xenstore.SetPermissionsAsync(folder, hostWritesGuestReads, cancellationToken)
                .ConfigureAwait(false);
        }

        if (error != XenstoreError.None)
        {
            return $"{folder} cannot be made ({error})";
        }

        // A new node takes over the permissions of its folder, so the guest can read it from its first moment.
        byte[] line = Encoding.ASCII.GetBytes(text);
        error = await xenstore.WriteAsync(path, line, cancellationToken).ConfigureAwait(false);
        return error == XenstoreError.None ? null : $"{path} cannot be written ({error})";
    }
}
