using GuestAgent.Detection;
using GuestAgent.Linux;
using Protocol.Configuration;

namespace GuestAgent.Configuration.Reading;

/// <summary>
/// Has the files of the configuration read by a process of its own, one at a time and for a limited time. Nothing here
/// waits but <see cref="ReadNow"/>.
/// </summary>
/// <param name="arguments">The agent's own arguments.</param>
/// <param name="commandLine">The settings among these, which win over the files.</param>
internal sealed class ConfigurationReload(IReadOnlyList<string> arguments, IReadOnlyList<Setting> commandLine)
    : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly AnsweringChild _child = new(Limit, ConfigurationAnswer.MaxBytes);

    /// <summary>To poll for POLLIN; −1 when nothing is read.</summary>
    public int FileDescriptor => _child.FileDescriptor;

    /// <summary>When the reading has taken too long; null when nothing is read.</summary>
    public Moment? Due => _child.Due;

    /// <summary>Begins. Returns null, or why it cannot, for an operator.</summary>
    public string? TryStart(Moment now)
    {
        if (_child.IsBusy)
        {
            return "an earlier reading has not ended";
        }

        try
        {
            _child.Start(now, [ConfigurationProcess.Argument, .. arguments]);
            return null;
        }
        catch (IOException failed)
        {
            return failed.Message;
        }
    }

    /// <summary>Takes what the process says; the whole of it once it has ended.</summary>
    public ConfigurationAnswer? Turn(Moment now)
        => !_child.IsOver(now, out byte[]? answer) ? null
            : answer is not null ? ConfigurationAnswer.Read(answer, commandLine)
            : ConfigurationAnswer.NotKnown($"the files of the configuration are not read within {Limit.TotalSeconds:0} s");

    /// <summary>Reads, and waits for the end of it or of the limit. For the start, before anything is watched.</summary>
    public ConfigurationAnswer ReadNow(BootClock clock)
    {
        if (TryStart(clock.Now) is { } trouble)
        {
            return ConfigurationAnswer.NotKnown(trouble);
        }

        var poll = new PollSet();
        ConfigurationAnswer? answer;
        while ((answer = Turn(clock.Now)) is null)
        {
            poll.Clear();
            poll.Add(_child.FileDescriptor, PollSet.In);
            poll.Wait(_child.Due!.Value - clock.Now);
        }

        return answer;
    }

    public void Dispose() => _child.Dispose();
}
