using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Testbed.Linux;

/// <summary>What a loop device is to do beyond the usual (linux/loop.h).</summary>
[Flags]
public enum LoopFlags
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Have partitions.</summary>
    Partitions = 8,

    /// <summary>
    /// Go past the page cache of its file, and begin one request without waiting for another: a write that is not
    /// answered then holds up no read.
    /// </summary>
    DirectIo = 16,
}

/// <summary>
/// A loop device that detaches itself (LO_FLAGS_AUTOCLEAR) when its last user has gone: however this process ends,
/// the kernel closes its descriptor and no device stays behind.
/// </summary>
public sealed class LoopDevice : IDisposable
{
    // linux/loop.h
    private const int MajorNumber = 7;
    private const uint Configure = 0x4C0A;
    private const uint GetFree = 0x4C82;
    private const uint SetReadOnly = 0x125D; // BLKROSET, linux/fs.h
    private const int ConfigurationSizeBytes = 304;
    private const int FlagsOffset = 60;
    private const int FileNameOffset = 64;
    private const int FileNameSizeBytes = 64;
    private const uint AutoClear = 4;

    private const int MaxAttempts = 32;

    private readonly LinuxCalls.Descriptor _device;

    private LoopDevice(int number, LinuxCalls.Descriptor device)
    {
        Minor = number;
        _device = device;
    }

    /// <summary>The kernel's name, for example <c>loop3</c>, as its log and <c>/sys/block</c> have it.</summary>
    public string Name => string.Create(CultureInfo.InvariantCulture, $"loop{Minor}");

    /// <summary>The device node.</summary>
    public string Path => "/dev/" + Name;

    /// <summary>The major device number.</summary>
    public int Major { get; } = MajorNumber;

    /// <summary>The minor device number.</summary>
    public int Minor { get; }

    /// <summary>Attaches a file to a free loop device.</summary>
    /// <param name="file">The file.</param>
    /// <param name="flags">More than the usual.</param>
    /// <exception cref="IOException">There is no loop device to be had, or the file cannot be opened.</exception>
    public static LoopDevice Attach(string file, LoopFlags flags = LoopFlags.None)
    {
        using LinuxCalls.Descriptor control = LinuxCalls.Open("/dev/loop-control", LinuxCalls.ReadWrite);
        using LinuxCalls.Descriptor backing = LinuxCalls.Open(file, LinuxCalls.ReadWrite);
        for (int attempt = 1; ; attempt++)
        {
            int number = LinuxCalls.Control(control, GetFree);
            LinuxCalls.Descriptor device = LinuxCalls.Open($"/dev/loop{number}", LinuxCalls.ReadWrite);
            try
            {
                LinuxCalls.Control(device, Configure, Configuration(backing.Number, file, flags));
                // A device keeps the write protection (blockdev --setro) that its last user gave it.
                LinuxCalls.Control(device, SetReadOnly, stackalloc byte[sizeof(int)]);
                return new LoopDevice(number, device);
            }
            catch (IOException failure) when (failure.HResult == LinuxCalls.EBusy && attempt < MaxAttempts)
            {
                // Someone else took the free device between the two calls.
                device.Dispose();
            }
            catch
            {
                device.Dispose();
                throw;
            }
        }
    }

    /// <summary>Whether a filesystem on it is mounted anywhere, in whatever mount namespace.</summary>
    public bool IsInUse()
    {
        try
        {
            lock (Tool.StartGate)
            {
                LinuxCalls.Open(Path, LinuxCalls.ReadOnly | LinuxCalls.Exclusive).Dispose();
                return false;
            }
        }
        catch (IOException failure) when (failure.HResult == LinuxCalls.EBusy)
        {
            return true;
        }
    }

    /// <summary>Lets go of the device; it detaches as soon as nobody else uses it.</summary>
    public void Dispose() => _device.Dispose();

    private static byte[] Configuration(int backing, string file, LoopFlags flags)
    {
        byte[] configuration = new byte[ConfigurationSizeBytes];
        BinaryPrimitives.WriteInt32LittleEndian(configuration, backing);
        BinaryPrimitives.WriteUInt32LittleEndian(configuration.AsSpan(FlagsOffset), AutoClear | (uint)flags);
        ReadOnlySpan<byte> name = Encoding.UTF8.GetBytes(file);
        name[..Math.Min(name.Length, FileNameSizeBytes - 1)].CopyTo(configuration.AsSpan(FileNameOffset));
        return configuration;
    }
}
