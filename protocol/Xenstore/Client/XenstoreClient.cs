namespace Protocol.Xenstore.Client;

/// <summary>
/// A client of the xenstore daemon's socket. It connects by itself, again and again, with growing and scattered
/// waits; registers its watches again on every connection; and has many requests in flight.
/// </summary>
/// <remarks>
/// What xenstore refuses is a value (<see cref="XenstoreError"/>); a broken link throws
/// <see cref="XenstoreLinkException"/>. A malformed path is <see cref="XenstoreError.EINVAL"/> and a request that is
/// too long <see cref="XenstoreError.E2BIG"/>, without asking the daemon. Thread-safe, but for <see cref="Events"/>,
/// which one reader reads.
/// </remarks>
public sealed partial class XenstoreClient : IAsyncDisposable
{
    private readonly string _socketPath;
    private readonly XenstoreClientOptions _options;
    private readonly TimeProvider _time;

    /// <summary>A client that does nothing until <see cref="Start"/>.</summary>
    /// <param name="socketPath">The daemon's socket, usually <c>/run/xenstored/socket</c>.</param>
    /// <param name="options">The limits.</param>
    /// <param name="time">The clock for waits and time limits.</param>
    public XenstoreClient(string socketPath, XenstoreClientOptions options, TimeProvider time)
    {
        _socketPath = socketPath;
        _options = options;
        _time = time;
        _events = new XenstoreEventQueue(options.MaxPendingEventsPerWatch);
    }

    /// <summary>
    /// The names of the children of a node. <see cref="XenstoreError.EAGAIN"/> when a long list kept changing,
    /// <see cref="XenstoreError.E2BIG"/> when it is longer than the options or an old daemon allow.
    /// </summary>
    public async ValueTask<XenstoreResult<IReadOnlyList<string>>> DirectoryAsync(
        string path,
        CancellationToken cancellation)
    {
        XenstoreResult<IReadOnlyList<string>> whole =
            await ReadAnswerAsync(Begin(path, XenstoreRequest.Directory, cancellation), reply => reply.Strings())
                .ConfigureAwait(false);
        return whole.Error == XenstoreError.E2BIG
            ? await DirectoryInPartsAsync(path, cancellation).ConfigureAwait(false)
            : whole;
    }

    /// <summary>The value of a node.</summary>
    public ValueTask<XenstoreResult<byte[]>> ReadAsync(string path, CancellationToken cancellation)
        => Begin(path, XenstoreRequest.Read, cancellation).Value;

    /// <summary>Sets the value of a node; missing parents are made.</summary>
    public ValueTask<XenstoreError> WriteAsync(
        string path,
        ReadOnlyMemory<byte> value,
        CancellationToken cancellation)
        => Begin(path, value, XenstoreRequest.Write, cancellation).Acknowledgement;

    /// <summary>Removes a node and everything below it; no error when it is not there but its parent is.</summary>
    public ValueTask<XenstoreError> RemoveAsync(string path, CancellationToken cancellation)
        => Begin(path, XenstoreRequest.Remove, cancellation).Acknowledgement;

    /// <summary>The permissions of a node, the owner first.</summary>
    public ValueTask<XenstoreResult<IReadOnlyList<XenstorePermission>>> GetPermissionsAsync(
        string path,
        CancellationToken cancellation)
        => ReadAnswerAsync(Begin(path, XenstoreRequest.GetPermissions, cancellation), reply => reply.Permissions());

    /// <summary>Sets the permissions of a node, the owner first.</summary>
    public ValueTask<XenstoreError> SetPermissionsAsync(
        string path,
        IReadOnlyList<XenstorePermission> permissions,
        CancellationToken cancellation)
        => Begin(path, permissions, XenstoreRequest.SetPermissions, cancellation).Acknowledgement;

    /// <summary>
    /// Asks for events of a node and everything below it, on this connection and on every later one. The first comes
    /// at once. <see cref="XenstoreError.EEXIST"/> when the same watch is there already.
    /// </summary>
    public async ValueTask<XenstoreError> WatchAsync(string path, string token, CancellationToken cancellation)
    {
        await _watching.WaitAsync(cancellation).ConfigureAwait(false);
        bool isNew = false;
        XenstoreError error = XenstoreError.EIO;
        try
        {
            // The first event comes before the answer: the watch must be known by then.
            isNew = XenstorePath.IsValid(path) && _events.AddWatch(path, token);
            error = await Begin(path, token, XenstoreRequest.Watch, cancellation)
                .Acknowledgement
                .ConfigureAwait(false);
            return error;
        }
        finally
        {
            if (isNew && error != XenstoreError.None)
            {
                _events.RemoveWatch(path, token);
            }

            _watching.Release();
        }
    }

    /// <summary>
    /// Wants no more events of a watch. Whatever the outcome, it is not registered again on a later connection.
    /// </summary>
    public async ValueTask<XenstoreError> UnwatchAsync(string path, string token, CancellationToken cancellation)
    {
        await _watching.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            _events.RemoveWatch(path, token);
            return await Begin(path, token, XenstoreRequest.Unwatch, cancellation)
                .Acknowledgement
                .ConfigureAwait(false);
        }
        finally
        {
            _watching.Release();
        }
    }

    /// <summary>The home of a domain; says nothing about its existence.</summary>
    public ValueTask<XenstoreResult<string>> GetDomainPathAsync(int domainId, CancellationToken cancellation)
        => ReadAnswerAsync(Begin(XenstoreRequest.GetDomainPath(domainId), cancellation), reply => reply.Text());

    /// <summary>Whether the daemon knows a domain.</summary>
    public async ValueTask<XenstoreResult<bool>> IsDomainIntroducedAsync(
        int domainId,
        CancellationToken cancellation)
    {
        XenstoreResult<string> answer = await ReadAnswerAsync(
            Begin(XenstoreRequest.IsDomainIntroduced(domainId), cancellation),
            reply => reply.Flag() is null ? null : reply.Text()).ConfigureAwait(false);
        return new XenstoreResult<bool>(answer.Error, answer.Value == "T");
    }

    private async ValueTask<XenstoreResult<IReadOnlyList<string>>> DirectoryInPartsAsync(
        string path,
        CancellationToken cancellation)
    {
        for (int restarts = 0; restarts <= _options.MaxDirectoryRestarts; restarts++)
        {
            var names = new List<string>();
            ulong? generation = null;
            int offset = 0;
            while (offset <= _options.MaxDirectorySizeBytes)
            {
                XenstoreResult<XenstoreDirectoryPart> part = await ReadAnswerAsync(
                    Begin(path, offset, XenstoreRequest.DirectoryPart, cancellation),
                    reply => reply.DirectoryPart()).ConfigureAwait(false);
                if (part.Value is not { } list)
                {
                    // A daemon older than Xen 4.9 knows no parts: the list stays too long for it.
                    XenstoreError error = part.Error == XenstoreError.ENOSYS ? XenstoreError.E2BIG : part.Error;
                    return new XenstoreResult<IReadOnlyList<string>>(error, null);
                }

                generation ??= list.Generation;
                if (generation != list.Generation)
                {
                    break;
                }

                names.AddRange(list.Names);
                offset += list.SizeBytes;
                if (list.IsLast)
                {
                    return new XenstoreResult<IReadOnlyList<string>>(XenstoreError.None, names);
                }
            }

            if (offset > _options.MaxDirectorySizeBytes)
            {
                return new XenstoreResult<IReadOnlyList<string>>(XenstoreError.E2BIG, null);
            }
        }

        return new XenstoreResult<IReadOnlyList<string>>(XenstoreError.EAGAIN, null);
    }
}
