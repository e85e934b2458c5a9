using GuestAgent.Detection;
using GuestAgent.Linux;

namespace GuestAgent.Configuration.Reading;

/// <summary>
/// Has the configuration read again by a process of its own, one at a time and for a limited time. Nothing here waits.
/// </summary>
/// <param name="arguments">The agent's own arguments.</param>
internal sealed class ConfigurationReload(IReadOnlyList<string> arguments) : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly AnsweringChild _child = new(Limit, ConfigurationAnswer.MaxBytes);

    /// <summary>To poll for POLLIN; −1 when nothing is read.</summary>
    public int FileDescriptor => _child.FileDescriptor;

    /// <summary>When the reading has taken too long; null when nothing is read.</summary>
    public Moment? Due => _child.Due;

    /// <summary>Begins. Returns null, or why it cannot, for a person.</summary>
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
            : answer is not null ? ConfigurationAnswer.Read(answer)
            : new ConfigurationAnswer(null, [$"the files cannot be read within {Limit.TotalSeconds:0} s"]);

    public void Dispose() => _child.Dispose();
}
