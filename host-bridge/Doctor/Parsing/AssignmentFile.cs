namespace HostBridge.Doctor.Parsing;

/// <summary>Reads files of <c>name = value</c> lines: iscsid.conf, open-iscsi's records, /etc/default/*.</summary>
internal static class AssignmentFile
{
    /// <summary>The settings by name, without quotes; of several the last counts. Comments are left out.</summary>
    public static IReadOnlyDictionary<string, string> Parse(string text)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string line in text.Split('\n'))
        {
            int equals = line.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? string.Empty : line[..equals].Trim();
            if (name.Length > 0 && name[0] != '#')
            {
                values[name] = line[(equals + 1)..].Trim().Trim('"', '\'');
            }
        }

        return values;
    }
}
