namespace Testbed.Linux;

/// <summary>
/// Whether this process runs in mount and PID namespaces of its own, as <c>tests/contained.sh</c> gives it: then
/// its mounts, loop devices and processes vanish with it, even when it is killed.
/// </summary>
public static class Containment
{
    /// <summary>Set by <c>tests/contained.sh</c>: the mount and the PID namespace that it was started from.</summary>
    public const string OuterNamespacesVariable = "TESTBED_OUTER_NAMESPACES";

    /// <summary>
    /// Set by <c>tests/contained.sh</c>: the folder in which a file named like a device says that the filesystem on it
    /// is frozen, so that <c>tests/thaw.sh</c> thaws it if this process is killed.
    /// </summary>
    public const string FrozenFolderVariable = "TESTBED_FROZEN";

    /// <summary>The name of this process's PID namespace, for example <c>pid:[4026531836]</c>.</summary>
    public static string PidNamespace => File.ResolveLinkTarget("/proc/self/ns/pid", returnFinalTarget: false)!.Name;

    private static string MountNamespace
        => File.ResolveLinkTarget("/proc/self/ns/mnt", returnFinalTarget: false)!.Name;

    /// <summary>Why testbed domains cannot run here; null when they can.</summary>
    public static string? WhyNot()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return "testbed domains need root (mounts, loop devices, namespaces)";
        }

        string[] outer = (Environment.GetEnvironmentVariable(OuterNamespacesVariable) ?? string.Empty).Split(' ');
        if (outer.Length != 2 || outer[0] == MountNamespace || outer[1] == PidNamespace)
        {
            return "testbed domains need mount and PID namespaces around them: start it by tests/contained.sh";
        }

        return File.Exists("/dev/loop-control") ? null : "this machine offers no loop devices (/dev/loop-control)";
    }

    /// <summary>Throws where testbed domains cannot run.</summary>
    public static void Require()
    {
        if (WhyNot() is { } reason)
        {
            throw new InvalidOperationException(reason);
        }
    }
}
