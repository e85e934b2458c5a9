using System.Text.RegularExpressions;
using Testbed.Linux;

namespace Testbed.Domains;

/// <summary>The files of a root image, gathered in a folder.</summary>
public sealed partial class RootTree
{
    private static readonly string[] Folders = ["dev", "etc", "old-root", "proc", "run", "sys", "tmp", "var"];

    /// <summary>Makes the folder and the empty folders of every root.</summary>
    public RootTree(string folder)
    {
        Folder = folder;
        foreach (string name in Folders)
        {
            Directory.CreateDirectory(Path.Combine(folder, name));
        }
    }

    /// <summary>Where the files are gathered.</summary>
    public string Folder { get; }

    /// <summary>Adds an empty folder, for example a mount point.</summary>
    public void AddFolder(string target) => Directory.CreateDirectory(Inside(target));

    /// <summary>Adds a text file.</summary>
    public void AddText(string target, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Inside(target))!);
        File.WriteAllText(Inside(target), text);
    }

    /// <summary>Adds a program or library of the machine, and the libraries it needs, the loader included.</summary>
    public async Task AddProgramAsync(ProgramFile program)
    {
        Copy(program.Source, program.Target);
        ToolResult dependencies = await Tool.RunAsync("ldd", program.Source);
        if (dependencies.ExitCode != 0)
        {
            // ldd's way to say that the program is static, or a script.
            return;
        }

        foreach (Match library in LibraryPath().Matches(dependencies.Output))
        {
            Copy(library.Value, library.Value);
        }
    }

    private void Copy(string source, string target)
    {
        string file = Inside(target);
        if (File.Exists(file))
        {
            return;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.Copy(source, file);
    }

    private string Inside(string target) => Path.Combine(Folder, target.TrimStart('/'));

    // "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)" and "/lib64/ld-linux-x86-64.so.2 (0x…)"
    [GeneratedRegex(@"(?<=\s)/\S+(?= \(0x)")]
    private static partial Regex LibraryPath();
}
