namespace Protocol.Configuration;

/// <summary>What kind of place a value comes from.</summary>
public enum SettingSource
{
    /// <summary>The program itself.</summary>
    Default = 0,

    /// <summary>A line of a file.</summary>
    File,

    /// <summary>An option of the command line.</summary>
    CommandLine,
}

/// <summary>Where a value stands, so that whoever reads of it finds it.</summary>
/// <param name="Source">What kind of place it is.</param>
/// <param name="Place">The path of the file, or the option with its dashes; empty for a default.</param>
/// <param name="Line">The line of the file, from 1; 0 for the file as a whole and for what is no file.</param>
public readonly record struct SettingOrigin(SettingSource Source, string Place, int Line)
{
    /// <summary>The program itself.</summary>
    public static SettingOrigin Default { get; } = new(SettingSource.Default, string.Empty, 0);

    /// <summary>A line of a file, from 1; 0 means the file as a whole.</summary>
    public static SettingOrigin File(string path, int line) => new(SettingSource.File, path, line);

    /// <summary>An option of the command line, by its name without the dashes.</summary>
    public static SettingOrigin CommandLine(string option) => new(SettingSource.CommandLine, $"--{option}", 0);

    /// <summary><c>default</c>, <c>PATH:LINE</c>, <c>PATH</c> or <c>--OPTION</c>.</summary>
    public override string ToString() => Source switch
    {
        SettingSource.Default => "default",
        SettingSource.File when Line > 0 => $"{Place}:{Line}",
        _ => Place,
    };
}
