using System.Text;
using GuestAgent.Linux;
using GuestAgent.Signals;
using Mono.Unix.Native;

namespace GuestAgent.Configuration.Reading;

/// <summary>
/// The process that reads the files of the configuration: this program, with the agent's own arguments. The files lie on
/// the root, and reading them may get stuck in the kernel; the agent does not.
/// </summary>
internal static unsafe class ConfigurationProcess
{
    /// <summary>The argument that makes the program this process; those of the agent follow.</summary>
    public const string Argument = "configuration-process";

    /// <summary>Reads, answers on standard output, and ends.</summary>
    /// <param name="arguments">All arguments, with <see cref="Argument"/>.</param>
    public static int Run(string[] arguments)
    {
        Descriptors.CloseInherited();
        var commandLine = new AgentCommandLine();
        // Whatever of these hangs, hangs here: the agent reads them itself only after this process has ended.
        new MountWishes(new PathRoot("/")).Read();
        _ = BootCheckReader.Read(new PathRoot("/"));
        string? file = commandLine.Settings.FileOf(commandLine.Command.Parse(arguments[1..]));
        byte[] answer = Encoding.UTF8.GetBytes(ConfigurationAnswer.Write(AgentConfigurationReader.ReadFiles(file)));
        fixed (byte* start = answer)
        {
            long written = 0;
            while (written < answer.Length)
            {
                long size = Syscall.write(1, start + written, (ulong)(answer.Length - written));
                if (size <= 0)
                {
                    return 1;
                }

                written += size;
            }
        }

        return 0;
    }
}
