using System.Diagnostics;
using System.Globalization;
using Testbed.Domains;

namespace Testbed.Demo;

/// <summary>
/// The demonstration held at the moment when the storage is back and nothing was recovered, as the bridge only observes:
/// a shell in which its commands are tried on guests that are really broken.
/// </summary>
/// <param name="published">The folder with the published programs.</param>
/// <param name="folder">The demonstration's folder.</param>
internal sealed class HeldStage(string published, string folder)
{
    private const string Hint =
        """

        A and B are broken, their storage is back, and the bridge only observes. Try:

          host-bridge status            what is wrong, and what comes next
          host-bridge explain A         why A was not recovered, and what changes that
          host-bridge recover A         have it recovered
          host-bridge history A         what was done
          host-bridge --help            everything else

        exit ends the demonstration; nothing of it is left.

        """;

    /// <summary>The bridge's configuration, which the shell's commands read as well.</summary>
    public string Configuration => Path.Combine(folder, "host-bridge.conf");

    /// <summary>Writes the configuration of a bridge that only observes.</summary>
    /// <param name="xenstore">xenstored's socket.</param>
    /// <param name="vouchedFor">The disks that an operator vouches for.</param>
    public void Configure(string xenstore, IEnumerable<Disk> vouchedFor)
    {
        string disks = string.Join(',', vouchedFor.Select(disk
            => string.Create(CultureInfo.InvariantCulture, $"{disk.Loop.Major}:{disk.Loop.Minor}")));
        File.WriteAllText(
            Configuration,
            $"""
            mode = observe
            xenstore = {xenstore}
            state-directory = {Path.Combine(folder, "state")}
            admin-socket = {Path.Combine(folder, "run", "admin.sock")}
            toolstack-command = {Path.Combine(folder, "toolstack-command")}
            stable-seconds = 3
            grace-seconds = 0
            assume-operational = {disks}
            act-without-host-evidence = true

            """);
        string commands = Directory.CreateDirectory(Path.Combine(folder, "bin")).FullName;
        string command = Path.Combine(commands, "host-bridge");
        File.WriteAllText(
            command,
            $"""
            #!/bin/sh
            exec {Path.Combine(published, "host-bridge", "host-bridge")} "$@" --config {Configuration}

            """);
        File.SetUnixFileMode(command, (UnixFileMode)0b111_101_101);
    }

    /// <summary>Gives the terminal to a shell until it ends; what is not a terminal is read as its commands.</summary>
    public async Task RunShellAsync(CancellationToken cancellation)
    {
        Console.WriteLine(Hint);
        string path = Environment.GetEnvironmentVariable("PATH") ?? "/usr/bin:/bin";
        var start = new ProcessStartInfo("bash", ["--norc"]) { WorkingDirectory = folder };
        start.Environment["PATH"] = $"{Path.Combine(folder, "bin")}:{path}";
        start.Environment["PS1"] = "demo# ";
        using Process shell = Process.Start(start)!;
        await shell.WaitForExitAsync(cancellation);
    }
}
