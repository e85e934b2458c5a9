using System.Text;
using GuestAgent.Linux;

namespace GuestAgent.Reporting.Carriers;

/// <summary>
/// Finds the terminal of the console channel with a name: by the link that a udev rule made, or by sysfs, which says
/// where in xenstore each console's name stands. The kernel gives console N the name hvcN (hvc_xen.c, hvc_console.c).
/// </summary>
/// <param name="paths">Where /sys and /dev are.</param>
/// <param name="channel">The name, or the path of the terminal.</param>
/// <param name="ask">Asks xenstore for a node; its answer comes to <see cref="TakeName"/>.</param>
internal sealed class ChannelDevice(PathRoot paths, string channel, Action<string> ask)
{
    private const string NamePath = "/name";
    private const string ConsoleFolder = "device/console/";

    private string? _node;

    /// <summary>For people.</summary>
    public string Name => channel;

    /// <summary>The terminal; null when it is not known (now). Then xenstore is asked.</summary>
    public string? Find()
    {
        if (channel.StartsWith('/'))
        {
            return channel;
        }

        string link = paths.Dev($"xen-channel/{channel}");
        if (File.Exists(link))
        {
            return link;
        }

        List<string> nodes = Consoles();
        if (_node is not null && nodes.Contains(_node))
        {
            return paths.Dev($"hvc{_node[ConsoleFolder.Length..]}");
        }

        nodes.ForEach(node => ask(node + NamePath));
        return null;
    }

    /// <summary>The device is not what it was, as after a resume: its name is asked for anew.</summary>
    public void Forget() => _node = null;

    /// <summary>What xenstore says of a node; whether the channel is found by it.</summary>
    public bool TakeName(string path, byte[]? value)
    {
        bool isFound = path.StartsWith(ConsoleFolder, StringComparison.Ordinal)
            && path.EndsWith(NamePath, StringComparison.Ordinal)
            && value is not null && Encoding.Latin1.GetString(value) == channel;
        _node = isFound ? path[..^NamePath.Length] : _node;
        return isFound;
    }

    /// <summary>The nodes of the consoles but the first, which is not a channel; at most 9 (hvc_xen.c).</summary>
    private List<string> Consoles()
    {
        var nodes = new List<string>();
        for (int number = 1; number <= 9; number++)
        {
            if (SmallFile.TryReadText(paths.Sys($"bus/xen/devices/console-{number}/nodename")) is { } node
                && node == $"{ConsoleFolder}{number}")
            {
                nodes.Add(node);
            }
        }

        return nodes;
    }
}
