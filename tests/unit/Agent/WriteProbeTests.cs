using GuestAgent.Detection;
using GuestAgent.Probing;
using Mono.Unix.Native;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>What an errno of the probe says.</summary>
public sealed class WriteProbeTests
{
    [Theory]
    [InlineData((int)Errno.EROFS)]
    [InlineData((int)Errno.EIO)]
    [InlineData((int)Errno.ENOSPC)]
    [InlineData(117)]
    public void An_errno_of_the_device_or_of_room_keeps_its_step(int errno)
        => Assert.Equal((ProbeStep.Write, errno), WriteProbe.Sort((ProbeStep.Write, errno)));

    [Theory]
    [InlineData((int)ProbeStep.Open, (int)Errno.EPERM)]
    [InlineData((int)ProbeStep.Create, (int)Errno.EACCES)]
    [InlineData((int)ProbeStep.Write, (int)Errno.ENOMEM)]
    [InlineData((int)ProbeStep.Sync, (int)Errno.EINTR)]
    public void Any_other_errno_refuses(int step, int errno)
        => Assert.Equal((ProbeStep.Refused, errno), WriteProbe.Sort(((ProbeStep)step, errno)));

    [Fact]
    public void A_missed_mount_point_and_success_stay_what_they_are()
    {
        Assert.Equal((ProbeStep.OpenMountPoint, 2), WriteProbe.Sort((ProbeStep.OpenMountPoint, 2)));
        Assert.Equal((ProbeStep.Done, 0), WriteProbe.Sort((ProbeStep.Done, 0)));
    }

    [Fact]
    public void A_folder_that_is_no_btrfs_is_not_the_btrfs_that_was_meant()
    {
        var request = new ProbeRequest(1, new DeviceNumber(0, 45), MountId: 45, [.. "/proc"u8]) { IsBtrfs = true };
        ProbeReply reply = WriteProbe.Run(request);
        Assert.Equal((ProbeStep.OpenMountPoint, (int)Errno.ENODEV), (reply.Step, reply.Errno));
    }
}
