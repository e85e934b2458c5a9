using System.Globalization;
using System.Text;
using Protocol.Xenstore;

namespace Testbed.Xenstore;

/// <summary>Carries out the requests of clients. The caller holds the server's lock.</summary>
internal sealed class StoreRequests(StoreTree tree, StoreWatches watches, Func<int, bool> isDomain)
{
    /// <summary>Carries out one request; every way ends with one reply.</summary>
    public void Handle(StoreConnection connection, in XenstoreMessage message)
    {
        var request = new Request(connection, message, DomainNodes.HomeOf(connection.DomainId));
        XenstoreError error = message.TransactionId == 0 ? Dispatch(request) : XenstoreError.ENOENT;
        if (error != XenstoreError.None)
        {
            connection.SendReply(message, XenstoreOperation.Error, Encoding.ASCII.GetBytes($"{error}\0"));
        }
    }

    /// <summary>The reply is sent here when there is no error, by the caller when there is one.</summary>
    private XenstoreError Dispatch(Request request) => request.Message.Type switch
    {
        XenstoreOperation.Directory => Directory(request),
        XenstoreOperation.DirectoryPart => DirectoryPart(request),
        XenstoreOperation.Read => Read(request),
        XenstoreOperation.Write => Write(request),
        XenstoreOperation.MakeDirectory => Change(request, tree.MakeDirectory),
        XenstoreOperation.Remove => Change(request, tree.Remove),
        XenstoreOperation.GetPermissions => GetPermissions(request),
        XenstoreOperation.SetPermissions => SetPermissions(request),
        XenstoreOperation.Watch => Watch(request),
        XenstoreOperation.Unwatch => Unwatch(request),
        XenstoreOperation.GetDomainPath => DomainPath(request),
        XenstoreOperation.IsDomainIntroduced => IsDomainIntroduced(request),
        XenstoreOperation.Control or XenstoreOperation.Introduce or XenstoreOperation.Release
            or XenstoreOperation.Resume or XenstoreOperation.SetTarget
            when request.DomainId != StorePermissions.Dom0 => XenstoreError.EACCES,
        _ => XenstoreError.ENOSYS,
    };

    private XenstoreError Directory(Request request)
    {
        XenstoreError error = Get(request, request.OnlyArgument(), XenstoreAccess.Read, out StoreNode? node);
        if (error != XenstoreError.None)
        {
            return error;
        }

        string list = ListOf(node!);
        return list.Length > XenstoreLimits.MaxPayloadSizeBytes ? XenstoreError.E2BIG : request.Reply(list);
    }

    private XenstoreError DirectoryPart(Request request)
    {
        string[] arguments = request.Arguments();
        if (arguments.Length != 2
            || !int.TryParse(arguments[1], NumberStyles.None, CultureInfo.InvariantCulture, out int offset))
        {
            return XenstoreError.EINVAL;
        }

        XenstoreError error = Get(request, arguments[0], XenstoreAccess.Read, out StoreNode? node);
        if (error != XenstoreError.None)
        {
            return error;
        }

        string generation = string.Create(CultureInfo.InvariantCulture, $"{node!.Generation}\0");
        string list = ListOf(node);
        int room = XenstoreLimits.MaxPayloadSizeBytes - generation.Length - 1;
        int end = Math.Min(offset, list.Length);
        while (end < list.Length && list.IndexOf('\0', end) is var nul && nul < offset + room)
        {
            end = nul + 1;
        }

        string part = list[Math.Min(offset, list.Length)..end];
        return request.Reply(end == list.Length ? $"{generation}{part}\0" : $"{generation}{part}");
    }

    private XenstoreError Read(Request request)
    {
        XenstoreError error = Get(request, request.OnlyArgument(), XenstoreAccess.Read, out StoreNode? node);
        return error == XenstoreError.None ? request.Reply(node!.Value) : error;
    }

    private XenstoreError Write(Request request)
    {
        ReadOnlySpan<byte> payload = request.Message.Payload.Span;
        int end = payload.IndexOf((byte)0);
        if (end < 0 || request.NodePath(Encoding.Latin1.GetString(payload[..end])) is not { } path)
        {
            return XenstoreError.EINVAL;
        }

        XenstoreError error = tree.Write(request.DomainId, path, payload[(end + 1)..].ToArray());
        return error == XenstoreError.None ? request.Acknowledge() : error;
    }

    private static XenstoreError Change(Request request, Func<int, string, XenstoreError> change)
    {
        if (request.NodePath(request.OnlyArgument()) is not { } path)
        {
            return XenstoreError.EINVAL;
        }

        XenstoreError error = change(request.DomainId, path);
        return error == XenstoreError.None ? request.Acknowledge() : error;
    }

    private XenstoreError GetPermissions(Request request)
    {
        XenstoreError error = Get(request, request.OnlyArgument(), XenstoreAccess.Read, out StoreNode? node);
        return error == XenstoreError.None
            ? request.Reply(string.Concat(node!.Permissions.Select(entry => $"{entry}\0")))
            : error;
    }

    private XenstoreError SetPermissions(Request request)
    {
        string[] arguments = request.Arguments();
        if (arguments.Length < 2
            || XenstorePayload.ToPermissions(arguments[1..]) is not { } permissions
            || request.AnyPath(arguments[0]) is not { } path)
        {
            return XenstoreError.EINVAL;
        }

        if (!isDomain(permissions[0].DomainId))
        {
            return XenstoreError.ENOENT;
        }

        XenstoreError error = tree.SetPermissions(request.DomainId, path, permissions);
        return error == XenstoreError.None ? request.Acknowledge() : error;
    }

    private XenstoreError Watch(Request request)
    {
        if (request.Arguments() is not [var asked, var token] || request.AnyPath(asked) is not { } path)
        {
            return XenstoreError.EINVAL;
        }

        string home = asked == path ? string.Empty : request.Home;
        XenstoreError error = watches.Add(request.Connection, path, home, token);
        if (error == XenstoreError.None)
        {
            request.Acknowledge();
            request.Connection.SendEvent(asked, token);
        }

        return error;
    }

    private XenstoreError Unwatch(Request request)
    {
        if (request.Arguments() is not [var asked, var token])
        {
            return XenstoreError.EINVAL;
        }

        // Unlike everywhere else, the daemon looks for a malformed path as for any other.
        XenstoreError error = request.AnyPath(asked) is { } path
            ? watches.Remove(request.Connection, path, token)
            : XenstoreError.ENOENT;
        return error == XenstoreError.None ? request.Acknowledge() : error;
    }

    private static XenstoreError DomainPath(Request request)
        => request.DomainArgument() is { } domainId ? request.Reply(DomainNodes.HomeOf(domainId) + "\0") : XenstoreError.EINVAL;

    private XenstoreError IsDomainIntroduced(Request request)
    {
        if (request.DomainId != StorePermissions.Dom0)
        {
            return XenstoreError.EACCES;
        }

        return request.DomainArgument() is { } domainId
            ? request.Reply(isDomain(domainId) ? "T\0" : "F\0")
            : XenstoreError.EINVAL;
    }

    private XenstoreError Get(Request request, string? asked, XenstoreAccess wanted, out StoreNode? node)
    {
        node = null;
        return request.NodePath(asked) is { } path
            ? tree.Get(request.DomainId, path, wanted, out node)
            : XenstoreError.EINVAL;
    }

    private static string ListOf(StoreNode node) => string.Concat(node.Children.Keys.Select(name => $"{name}\0"));

    /// <summary>One request with the means to read and to answer it.</summary>
    private sealed record Request(StoreConnection Connection, XenstoreMessage Message, string Home)
    {
        public int DomainId => Connection.DomainId;

        /// <summary>Every NUL-terminated string of the payload; what follows the last NUL is ignored.</summary>
        public string[] Arguments() => Encoding.Latin1.GetString(Message.Payload.Span).Split('\0')[..^1];

        /// <summary>The argument, when it is the only one and the payload ends with it; else null.</summary>
        public string? OnlyArgument()
            => Message.Payload.Span.IndexOf((byte)0) == Message.Payload.Length - 1 && !Message.Payload.IsEmpty
                ? Arguments()[0]
                : null;

        /// <summary>The domain id that is the only argument; null when it is none.</summary>
        public int? DomainArgument()
            => int.TryParse(OnlyArgument(), NumberStyles.None, CultureInfo.InvariantCulture, out int domainId)
                && domainId <= XenstoreLimits.MaxDomainId
                    ? domainId
                    : null;

        /// <summary>The absolute path of a node, or null when the rules for paths are broken.</summary>
        public string? NodePath(string? asked)
            => asked is not null && XenstorePath.IsSpecial(asked) ? null : AnyPath(asked);

        /// <summary>
        /// As <see cref="NodePath"/>, and specials as they are. A relative path begins at the asker's home, also on
        /// Dom0's socket.
        /// </summary>
        public string? AnyPath(string? asked)
        {
            if (asked is null || !XenstorePath.IsValid(asked))
            {
                return null;
            }

            if (XenstorePath.IsSpecial(asked))
            {
                return asked;
            }

            string path = XenstorePath.IsAbsolute(asked) ? asked : $"{Home}/{asked}";
            return LengthBelowAHome(path) <= StoreQuotas.MaxPathLength ? path : null;
        }

        /// <summary>What the daemon counts of a path: not the home of a domain.</summary>
        private static int LengthBelowAHome(string path)
            => path.Split('/', 5) is ["", "local", "domain", var number, var rest]
                && number.All(char.IsAsciiDigit)
                    ? rest.Length
                    : path.Length;

        public XenstoreError Acknowledge() => Reply("OK\0");

        public XenstoreError Reply(string payload) => Reply(Encoding.Latin1.GetBytes(payload));

        public XenstoreError Reply(byte[] payload)
        {
            Connection.SendReply(Message, Message.Type, payload);
            return XenstoreError.None;
        }
    }
}
