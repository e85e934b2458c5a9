using GuestAgent.Detection;

namespace GuestAgent.Linux;

/// <summary>A <c>dev_t</c> taken apart (gnu_dev_major and gnu_dev_minor, sys/sysmacros.h).</summary>
internal static class DeviceNumbers
{
    public static DeviceNumber Of(ulong device)
    {
        ulong major = ((device >> 8) & 0xfff) | ((device >> 32) & ~0xffful);
        ulong minor = (device & 0xff) | ((device >> 12) & ~0xfful);
        return new DeviceNumber((int)major, (int)minor);
    }
}
