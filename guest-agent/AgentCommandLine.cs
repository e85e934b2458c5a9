using System.CommandLine;

namespace GuestAgent;

/// <summary>The command line: the agent's options, and the commands.</summary>
internal sealed class AgentCommandLine
{
    /// <summary>Makes it.</summary>
    public AgentCommandLine()
    {
        Command = new RootCommand(
            "Detects filesystems whose writes fail or hang, and tells the host over xenstore and a console channel.");
        Settings.AddTo(Command);

        // Without a command it is the agent; the library wants an action, else it demands a command.
        Command.SetAction(_ => 0);
        var asking = new StatusCommand();
        Command.Subcommands.Add(asking.Status);
        Command.Subcommands.Add(asking.Probe);
        Command.Subcommands.Add(ConfigCommand.Create(Settings));
    }

    /// <summary>All of it.</summary>
    public RootCommand Command { get; }

    /// <summary>The options that are settings.</summary>
    public SettingOptions Settings { get; } = new();
}
