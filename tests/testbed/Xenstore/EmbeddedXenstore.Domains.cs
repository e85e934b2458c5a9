using System.Globalization;
using System.Text;
using Protocol.Xenstore;

namespace Testbed.Xenstore;

/// <content>What a toolstack and a test do with the store directly, with the rights of Dom0.</content>
public sealed partial class EmbeddedXenstore
{
    private const int MinGuestDomainId = 1;

    /// <summary>
    /// Makes a domain as libxl does (tools/libs/light/libxl_create.c): its home with the folders that it may and may
    /// not write, and its socket. Fires <c>@introduceDomain</c>.
    /// </summary>
    /// <param name="domainId">Its number, from 1.</param>
    /// <param name="name">Its name; null for one made from the number.</param>
    /// <param name="uuid">Its uuid; null for one made from the number.</param>
    public void IntroduceDomain(int domainId, string? name = null, string? uuid = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(domainId, MinGuestDomainId);
        string number = domainId.ToString(CultureInfo.InvariantCulture);
        name ??= $"guest-{number}";
        uuid ??= $"00000000-0000-4000-8000-{domainId:x12}";
        string home = StoreRequests.HomeOf(domainId);
        XenstorePermission[] readOnly =
        [
            new(XenstoreAccess.None, StorePermissions.Dom0), new(XenstoreAccess.Read, domainId),
        ];
        XenstorePermission[] owned = [new(XenstoreAccess.None, domainId)];
        lock (_gate)
        {
            if (_listeners.ContainsKey(domainId))
            {
                throw new InvalidOperationException($"domain {number} exists: release it before making it again");
            }

            Put($"/vm/{uuid}", uuid, readOnly);
            Put($"/vm/{uuid}/name", name, readOnly);
            Put(home, string.Empty, readOnly);
            Put($"{home}/vm", $"/vm/{uuid}", readOnly);
            Put($"{home}/name", name, readOnly);
            Put($"{home}/domid", number, readOnly);
            foreach (string folder in (string[])["cpu", "memory", "device", "control"])
            {
                Put($"{home}/{folder}", string.Empty, readOnly);
            }

            foreach (string folder in (string[])["data", "drivers", "feature", "attr", "error"])
            {
                Put($"{home}/{folder}", string.Empty, owned);
            }

            string[] keys = ["shutdown", "sysrq", "feature-poweroff", "feature-reboot", "feature-suspend"];
            foreach (string key in keys)
            {
                Put($"{home}/control/{key}", string.Empty, owned);
            }

            Listen(domainId);
            FireSpecial("@introduceDomain");
        }
    }

    /// <summary>
    /// Ends a domain: its clients are dropped, everything that it owned and its home are removed, and
    /// <c>@releaseDomain</c> fires.
    /// </summary>
    public void ReleaseDomain(int domainId)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(domainId, MinGuestDomainId);
        string home = StoreRequests.HomeOf(domainId);
        lock (_gate)
        {
            StopListening(domainId);
        }

        Drop(connection => connection.DomainId == domainId);
        lock (_gate)
        {
            string? vm = Read($"{home}/vm");
            _tree.ForgetDomain(domainId);
            FireSpecial("@releaseDomain");
            Remove(home);
            if (vm is not null)
            {
                Remove(vm);
            }
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

    private void Put(string path, string value, XenstorePermission[] permissions)
    {
        Write(path, value);
        SetPermissions(path, permissions);
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
