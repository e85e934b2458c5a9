namespace Protocol.Configuration;

/// <summary>What an errno means for a file of the configuration.</summary>
public enum FileErrorKind
{
    /// <summary>The administrator's mistake: the path is wrong, and the same reading fails in the same way for ever.</summary>
    Mistake = 0,

    /// <summary>The storage, the kernel or a security policy: what the file says is not known.</summary>
    Fault,
}

/// <summary>
/// Tells mistakes from faults by the errno (asm-generic/errno-base.h, errno.h). A program that takes a dead disk for a
/// mistake of its configuration ends, and stays away while it is needed most.
/// </summary>
public static class FileErrors
{
    private const int NotThere = 2; // ENOENT
    private const int NoAccess = 13; // EACCES
    private const int NotPermitted = 1; // EPERM
    private const int NotAFolder = 20; // ENOTDIR
    private const int IsAFolder = 21; // EISDIR
    private const int NameTooLong = 36; // ENAMETOOLONG
    private const int LinkLoop = 40; // ELOOP

    /// <summary>
    /// The kind. Whatever is not known to be a mistake is a fault: an unknown errno must not keep a program from starting.
    /// </summary>
    /// <param name="errno">The errno of open, read or the listing.</param>
    /// <param name="isNamed">
    /// Whether the command line names the file. Then a file without read permission is the wrong file. In the usual
    /// places root may read everything, and a refusal comes from a security module or from a network filesystem.
    /// </param>
    public static FileErrorKind KindOf(int errno, bool isNamed) => errno switch
    {
        NotThere or NotAFolder or IsAFolder or NameTooLong or LinkLoop => FileErrorKind.Mistake,
        NoAccess or NotPermitted when isNamed => FileErrorKind.Mistake,
        _ => FileErrorKind.Fault,
    };

    /// <summary>Whether the errno says that a folder is not there, which is no error: nothing is configured in it.</summary>
    public static bool IsAbsent(int errno) => errno == NotThere;

    /// <summary>What an operator should look at, for the errno of a fault; null where the errno says enough.</summary>
    public static string? AdviceFor(int errno)
        => errno is NoAccess or NotPermitted
            ? "root may read it by its mode; see the security policy (SELinux, AppArmor) and the file's label"
            : null;
}

/// <summary>A file or folder of the configuration that could not be read, though nothing says that it is wrong.</summary>
/// <param name="Path">Its path.</param>
/// <param name="Errno">The errno.</param>
/// <param name="Text">What failed and why, for an operator: one line with the system's text for the errno.</param>
public sealed record FileFault(string Path, int Errno, string Text)
{
    /// <summary>The fault on one line: <c>PATH: what failed</c>.</summary>
    public override string ToString() => $"{Path}: {Text}";

    /// <summary>The faults, a line each; of very many the first, and how many there are besides.</summary>
    public static IReadOnlyList<string> ToLines(IReadOnlyList<FileFault> faults)
    {
        IEnumerable<string> lines = faults.Take(ConfigurationProblem.MaxTold).Select(fault => fault.ToString());
        return faults.Count <= ConfigurationProblem.MaxTold
            ? [.. lines]
            : [.. lines, $"and {faults.Count - ConfigurationProblem.MaxTold} more files that cannot be read"];
    }
}
