using GuestAgent.Remedies;
using Protocol.Health;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>Which ways to a mount point a remedy takes.</summary>
public sealed class MountFolderTests
{
    [Theory]
    [InlineData("/")]
    [InlineData("/srv")]
    [InlineData("/usr/lib/modules")]
    public void A_way_that_only_root_can_change_is_taken(string path)
    {
        using MountFolder? folder = MountFolder.TryFind(Parse(path));
        Assert.NotNull(folder);
    }

    [Theory]
    [InlineData("/tmp/data")]
    [InlineData("/proc/self/root/srv")]
    [InlineData("/etc/passwd/data")]
    [InlineData("/nowhere/data")]
    public void A_way_through_a_sticky_folder_a_link_a_file_or_nothing_is_refused(string path)
    {
        using MountFolder? folder = MountFolder.TryFind(Parse(path));
        Assert.Null(folder);
    }

    private static MountPoint Parse(string path)
        => MountPoint.TryParse(path, out MountPoint mountPoint) ? mountPoint : throw new ArgumentException(path);
}
