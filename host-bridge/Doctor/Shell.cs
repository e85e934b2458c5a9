namespace HostBridge.Doctor;

/// <summary>Writes commands for a POSIX shell.</summary>
internal static class Shell
{
    /// <summary>A word that the shell takes as it is, whatever stands in it.</summary>
    public static string Quote(string word)
        => word.Length > 0 && word.All(letter => char.IsAsciiLetterOrDigit(letter) || "/._-:=+,@%".Contains(letter))
            ? word
            : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    /// <summary>Sets <c>key = value</c> in a file of such lines, commented out or not.</summary>
    public static string SetLine(string file, string key, string value)
    {
        string pattern = key.Replace(".", "\\.", StringComparison.Ordinal)
            .Replace("[", "\\[", StringComparison.Ordinal).Replace("]", "\\]", StringComparison.Ordinal);
        return $"grep -q '^{pattern} *=' {Quote(file)} "
            + $"&& sed -i 's|^{pattern} *=.*|{key} = {value}|' {Quote(file)} "
            + $"|| echo '{key} = {value}' >> {Quote(file)}";
    }

    /// <summary>What a person must change by hand, and where.</summary>
    public static string Edit(string file, string what) => $"${{EDITOR:-vi}} {Quote(file)}  # {what}";
}
