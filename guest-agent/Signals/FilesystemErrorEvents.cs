using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Signals.Parsing;
using Mono.Unix.Native;

namespace GuestAgent.Signals;

/// <summary>
/// fanotify's FAN_FS_ERROR (5.16 and later, CAP_SYS_ADMIN): the fastest sign there is. Proves that ext4 met an error.
/// It lies by silence: xfs and btrfs tell nothing, and ext4 tells of an abort only when an operation meets it. A mark
/// keeps no mount busy and goes with the filesystem.
/// </summary>
internal sealed unsafe class FilesystemErrorEvents : IDisposable
{
    private const int BufferBytes = 4096;
    private const int ReadsPerTurn = 16;

    private readonly byte[] _buffer = new byte[BufferBytes];
    private readonly Dictionary<DeviceNumber, (int MountId, long FilesystemId)> _marked = [];

    private readonly PathRoot _paths;
    private readonly HashSet<DeviceNumber> _denied = [];

    private FilesystemErrorEvents(PathRoot paths, int fileDescriptor)
    {
        _paths = paths;
        FileDescriptor = fileDescriptor;
    }

    /// <summary>To poll for POLLIN; −1 when the kernel turned out not to know the event, or it cannot be read.</summary>
    public int FileDescriptor { get; private set; }

    /// <summary>Null, with the reason, where there is no fanotify or no privilege for it.</summary>
    public static FilesystemErrorEvents? TryOpen(PathRoot paths, out string? reason)
    {
        const uint flags = Libc.FanotifyNotify | Libc.FanotifyReportFileId | Libc.FanotifyCloseOnExec
            | Libc.FanotifyNonBlocking;
        int group = Libc.FanotifyInit(flags, Libc.OpenReadOnly);
        reason = group < 0 ? LastErrno.Name : null;
        return group < 0 ? null : new FilesystemErrorEvents(paths, group);
    }

    /// <summary>
    /// Marks what is not marked yet, and forgets what is gone. A mount behind one that may hang by itself (a network
    /// filesystem, a FUSE) is left to the probe: the call walks the path.
    /// </summary>
    /// <returns>False when the kernel knows no such event; the descriptor is closed then.</returns>
    public bool Watch(IReadOnlyList<ObservedMount> mounts)
    {
        foreach (DeviceNumber gone in _marked.Keys.Except(mounts.Select(one => one.Mount.Device)).ToList())
        {
            _marked.Remove(gone);
        }

        _denied.IntersectWith(mounts.Select(one => one.Mount.Device));
        foreach (ObservedMount observed in mounts.Where(IsToMark))
        {
            if (!SelinuxPolicy.MayWatchFilesystem(_paths, observed.Mount.MountPoint.ToBytes()))
            {
                _denied.Add(observed.Mount.Device);
                continue;
            }

            if (FileDescriptor >= 0 && !Mark(observed.Mount))
            {
                Dispose();
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether SELinux keeps this process from any of the marks, so that the probe does without.</summary>
    public bool IsDenied => _denied.Count > 0;

    /// <summary>
    /// What was told since the last time. Where it cannot be read it is closed: it would be readable for ever.
    /// </summary>
    /// <param name="trouble">Why it was closed; null while it is open.</param>
    public List<Observation> Read(out string? trouble)
    {
        trouble = null;
        var observations = new List<Observation>();
        fixed (byte* start = _buffer)
        {
            for (int i = 0; i < ReadsPerTurn; i++)
            {
                long size = Syscall.read(FileDescriptor, start, BufferBytes);
                if (size <= 0)
                {
                    trouble = size == 0 ? "end of file" : LastErrno.IsForNow ? null : LastErrno.Name;
                    break;
                }

                foreach (FanotifyError error in FanotifyParser.Parse(_buffer.AsSpan(0, (int)size)))
                {
                    Add(observations, error);
                }
            }
        }

        if (trouble is not null)
        {
            Dispose();
        }

        return observations;
    }

    public void Dispose()
    {
        if (FileDescriptor >= 0)
        {
            _ = Syscall.close(FileDescriptor);
            FileDescriptor = -1;
        }
    }

    private bool IsToMark(ObservedMount observed)
        => observed is { IsReachedLocally: true, Mount.IsProbed: true }
            && (FilesystemTypes.IsExtended(observed.Mount.FilesystemType) || observed.Mount.FilesystemType == "xfs")
            && !_denied.Contains(observed.Mount.Device)
            && !(_marked.TryGetValue(observed.Mount.Device, out var mark) && mark.MountId == observed.Mount.MountId);

    /// <summary>False only when the kernel does not know the event at all.</summary>
    private bool Mark(MountEntry mount)
    {
        string errno;
        long* status = stackalloc long[FilesystemStatusWords.Count];
        fixed (byte* path = (byte[])[.. mount.MountPoint.ToBytes(), 0])
        {
            const uint flags = Libc.FanotifyAdd | Libc.FanotifyWholeFilesystem;
            const ulong events = FanotifyParser.ErrorEvent;
            if (Libc.FilesystemStatusOfPath(path, status) == 0
                && Libc.FanotifyMark(FileDescriptor, flags, events, Libc.CurrentDirectory, path) == 0)
            {
                _marked[mount.Device] = (mount.MountId, status[FilesystemStatusWords.FilesystemId]);
                return true;
            }

            errno = LastErrno.Name;
        }

        return errno != "EINVAL";
    }

    /// <summary>Copies of one filesystem bear one id: each is asked.</summary>
    private void Add(List<Observation> observations, FanotifyError error)
    {
        if (error.FilesystemId is null)
        {
            observations.Add(new Observation.EventsLost());
            return;
        }

        foreach ((DeviceNumber device, (_, long filesystemId)) in _marked)
        {
            if (filesystemId == error.FilesystemId)
            {
                observations.Add(new Observation.FilesystemErrorTold(device, LastErrno.NameOf(error.Errno)));
            }
        }
    }
}
