using GuestAgent.Detection;
using GuestAgent.Linux;
using GuestAgent.Reporting.Carriers;
using Protocol.Channel;

namespace GuestAgent;

/// <content>The second carrier, and the last resort.</content>
internal sealed partial class AgentRuntime
{
    private readonly bool _isDevApart;
    private string? _toldChannelTrouble;

    private static bool IsApart(string folder)
        => Directory.Exists(folder) && new DriveInfo(folder).DriveFormat is "devtmpfs" or "tmpfs" or "ramfs";

    private ChannelCarrier? NewChannel(string? name)
    {
        if (name is null)
        {
            return null;
        }

        var channel = new ChannelCarrier(new ChannelDevice(_paths, name, _xenstore.Read), new Random());
        _xenstore.OnRead = (path, value) => channel.TakeName(path, value, _clock.Now);
        return channel;
    }

    private void AddChannelTo(PollSet poll)
        => poll.Add(
            _channel?.FileDescriptor ?? -1,
            _channel?.WantsToSend == true ? (short)(PollSet.In | PollSet.Out) : PollSet.In);

    private Moment? ChannelDue(Moment now)
        => MayOpenDevices() || _channel?.FileDescriptor >= 0 ? _channel?.Due(now) : null;

    private void TurnChannel()
    {
        foreach (AgentInput input in _channel?.Turn(_clock.Now, MayOpenDevices()) ?? [])
        {
            if (input is AgentInput.ChannelChanged changed)
            {
                TellChannel(changed.Trouble);
            }

            _inputs.Enqueue(input);
        }
    }

    private void TellChannel(string? trouble)
    {
        if (trouble is null)
        {
            AgentLog.ChannelUp(_log, _channel!.Path);
        }
        else if (trouble != _toldChannelTrouble)
        {
            AgentLog.ChannelDown(_log, trouble);
        }

        _toldChannelTrouble = trouble;
    }

    /// <summary>
    /// /dev is a filesystem of its own on every Linux of today; where it lies on the root, the root decides.
    /// </summary>
    private bool MayOpenDevices() => _isDevApart || CanExecute();

    private void TellKernelLog(LastResortLine line)
    {
        if (!_kernelMessage.TryWrite(line.ToString()))
        {
            AgentLog.Warning(_log, "no carrier takes the alarm, and /dev/kmsg cannot be written");
        }
    }
}
