using Protocol.Health;

namespace GuestAgent.Detection;

/// <summary>
/// Where container engines mount the filesystems and volumes of their containers. No probe file is made in them: they
/// belong to somebody else.
/// </summary>
internal static class ContainerPlaces
{
    /// <summary>What lies below them belongs to a container; the folders themselves are the host's.</summary>
    private static readonly MountPoint[] Folders =
    [
        .. ((string[])
        [
            "/var/lib/docker", "/var/lib/containerd", "/var/lib/containers", "/var/lib/nerdctl", "/var/lib/kubelet",
            "/var/lib/rancher", "/var/lib/k0s", "/var/lib/origin", "/var/lib/lxc", "/var/lib/lxd", "/var/lib/incus",
            "/var/lib/machines", "/var/lib/portables", "/var/lib/rkt", "/var/lib/nomad", "/var/lib/mesos",
            "/var/snap/lxd", "/var/snap/microk8s", "/var/snap/docker",
            "/run/containerd", "/run/containers", "/run/docker", "/run/k3s", "/run/lxc", "/run/crio", "/run/user",
            "/run/netns",
        ]).Select(MountPoint.FromText),
    ];

    /// <summary>
    /// The same folders within a filesystem, whatever lies before them: /var may be a filesystem, a subvolume or a
    /// deployment's.
    /// </summary>
    private static readonly string[] Parts =
    [
        .. Folders
            .Where(folder => folder.Encoded.StartsWith("/var/", StringComparison.Ordinal))
            .Select(folder => $"{folder.Encoded["/var".Length..]}/"),
    ];

    /// <summary>
    /// Whether a mount is a container's, by where it is mounted or by which folder of the filesystem it shows.
    /// </summary>
    public static bool IsContainers(MountEntry mount)
        => Folders.Any(folder => MountPaths.IsBelow(mount.MountPoint, folder))
            || Parts.Any(part => mount.Root.Encoded.Contains(part, StringComparison.Ordinal));
}
