using System.Text;
using Protocol.Xenstore;

namespace Testbed.Xenstore;

/// <content>What a toolstack and a test do with the store directly, with the rights of Dom0.</content>
public sealed partial class EmbeddedXenstore
{
    private const int MinGuestDomainId = 1;

    private readonly SortedDictionary<int, DomainNodes> _domains = [];

    /// <inheritdoc/>
    public void IntroduceDomain(int domainId, string? name = null, string? uuid = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(domainId, MinGuestDomainId);
        var nodes = DomainNodes.For(domainId, name, uuid);
        lock (_gate)
        {
            if (!_domains.TryAdd(domainId, nodes))
            {
                throw new InvalidOperationException($"domain {domainId} exists: release it before making it again");
            }

            Introduce(nodes);
        }
    }

    /// <inheritdoc/>
    public void ShutDownDomain(int domainId)
    {
        lock (_gate)
        {
            FireSpecial("@releaseDomain");
        }
    }

    /// <inheritdoc/>
    public void ReleaseDomain(int domainId)
    {
        DomainNodes? nodes;
        lock (_gate)
        {
            if (!_domains.Remove(domainId, out nodes))
            {
                return;
            }

            StopListening(domainId);
        }

        Drop(connection => connection.DomainId == domainId);
        lock (_gate)
        {
            Remove(nodes.Home);
            Remove(nodes.VmPath);
            _tree.ForgetDomain(domainId);
            FireSpecial("@releaseDomain");
        }
    }

    /// <summary>Sets a value as Dom0 does; missing parents are made.</summary>
    public void Write(string path, string value)
        => Demand(path, () => _tree.Write(StorePermissions.Dom0, path, Encoding.Latin1.GetBytes(value)));

    /// <summary>Removes a node and everything below it, if it is there.</summary>
    public void Remove(string path)
    {
        lock (_gate)
        {
            _tree.Remove(StorePermissions.Dom0, path);
        }
    }

    /// <summary>The value of a node as Latin-1 text; null when there is none.</summary>
    public string? Read(string path)
    {
        lock (_gate)
        {
            return _tree.Find(path) is { } node ? Encoding.Latin1.GetString(node.Value) : null;
        }
    }

    /// <summary>Sets the permissions of a node, the owner first.</summary>
    public void SetPermissions(string path, params XenstorePermission[] permissions)
        => Demand(path, () => _tree.SetPermissions(StorePermissions.Dom0, path, permissions));

    /// <summary>Every node at or below a path, with its value as Latin-1 text, by absolute path.</summary>
    public IReadOnlyDictionary<string, string> Dump(string prefix)
    {
        lock (_gate)
        {
            return _tree.Find(prefix) is { } top
                ? top.FromTheLeaves().ToDictionary(node => node.Path, node => Encoding.Latin1.GetString(node.Value))
                : [];
        }
    }

    private void Introduce(DomainNodes nodes)
    {
        foreach (DomainNode node in nodes.All())
        {
            Write(node.Path, node.Value);
            SetPermissions(node.Path, [.. node.Permissions]);
        }

        Listen(nodes.DomainId);
        FireSpecial("@introduceDomain");
    }

    private void Demand(string path, Func<XenstoreError> act)
    {
        if (!XenstorePath.IsValid(path) || !XenstorePath.IsAbsolute(path))
        {
            throw new ArgumentException($"not an absolute xenstore path: {path}", nameof(path));
        }

        lock (_gate)
        {
            XenstoreError error = act();
            if (error != XenstoreError.None)
            {
                throw new InvalidOperationException($"xenstore path {path}: {error}");
            }
        }
    }

    private void FireSpecial(string name)
        => _watches.Fire(_tree.Find(name)!, StoreChange.Written, before: null);

    private void OnChange(StoreNode node, StoreChange change, IReadOnlyList<XenstorePermission>? before)
    {
        _watches.Fire(node, change, before);
        if (change != StoreChange.PermissionsSet)
        {
            string? value = change == StoreChange.Written ? Encoding.Latin1.GetString(node.Value) : null;
            Changed?.Invoke(new XenstoreChange(node.Path, value, _time.GetUtcNow()));
        }
    }
}
