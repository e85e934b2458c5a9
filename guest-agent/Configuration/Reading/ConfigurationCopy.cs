using System.Text;
using Protocol.Configuration;
using Protocol.Configuration.Files;
using Protocol.Health;

namespace GuestAgent.Configuration.Reading;

/// <summary>The copy of the settings that this guest's files had when they were last read well in this boot.</summary>
/// <param name="folder">The folder in /run; it cannot come from the files.</param>
/// <param name="bootId">This boot.</param>
/// <param name="source">What the files are called together.</param>
internal sealed class ConfigurationCopy(string folder, BootId bootId, string source)
{
    /// <summary>The name of the file.</summary>
    public const string FileName = "configuration";

    private const UnixFileMode ForAll = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private readonly BootCopyFile _file = new(folder, ForAll, FileName);

    /// <summary>Keeps the settings.</summary>
    public void Keep(string fileSettings) => _file.TryWrite(bootId, source, Encoding.UTF8.GetBytes(fileSettings));

    /// <summary>The options of the copy and the command line; null when there is no copy that can be used.</summary>
    public AgentOptions? TryRead(IReadOnlyList<Setting> commandLine)
        => _file.TryRead(bootId, source) is { } copy
            ? ConfigurationAnswer.Of(Encoding.UTF8.GetString(copy), commandLine).Options
            : null;
}
