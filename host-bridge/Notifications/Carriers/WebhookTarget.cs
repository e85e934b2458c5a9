namespace HostBridge.Notifications.Carriers;

/// <summary>Where messages are posted, as a file of root's says it: <c>url = …</c>, and <c>header = Name: value</c>.</summary>
/// <param name="Url">The address.</param>
/// <param name="Headers">Further headers.</param>
internal sealed record WebhookTarget(string Url, IReadOnlyList<string> Headers)
{
    private const int MaxLength = 64 * 1024;

    /// <summary>Reads the file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="problem">What is wrong with it, for a person, without what it holds; null when nothing is.</param>
    /// <returns>Null when something is wrong with it.</returns>
    public static WebhookTarget? TryRead(string path, out string? problem)
    {
        try
        {
            const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead
                | UnixFileMode.OtherWrite;
            if ((File.GetUnixFileMode(path) & Others) != 0)
            {
                problem = $"{path} holds secrets and others than root may use it; run chmod 600 {path}";
                return null;
            }

            if (new FileInfo(path).Length > MaxLength)
            {
                problem = $"{path} is larger than {MaxLength} bytes; it holds an address and some headers";
                return null;
            }

            return TryParse(path, File.ReadAllText(path), out problem);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            problem = $"{path} cannot be read: {failure.Message}";
            return null;
        }
    }

    private static WebhookTarget? TryParse(string path, string text, out string? problem)
    {
        string? url = null;
        var headers = new List<string>();
        problem = null;
        int number = 0;
        foreach (string line in text.Split('\n').Select(line => line.Trim()))
        {
            number++;
            int equals = line.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? line : line[..equals].TrimEnd();
            string value = equals < 0 ? string.Empty : line[(equals + 1)..].TrimStart();
            if (line.Length == 0 || line[0] is '#')
            {
                continue;
            }

            if (name == "url" && url is null && IsWebAddress(value))
            {
                url = value;
            }
            else if (name == "header" && value.IndexOf(':', StringComparison.Ordinal) > 0 && !value.Any(char.IsControl))
            {
                headers.Add(value);
            }
            else
            {
                problem ??= $"{path}:{number}: write one line url = http... or https..., "
                    + "and lines header = Name: value";
            }
        }

        problem ??= url is null ? $"{path} has no line url = http... or https..." : null;
        return problem is null ? new WebhookTarget(url!, headers) : null;
    }

    private static bool IsWebAddress(string text)
        => Uri.TryCreate(text, UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https"
            && !text.Any(letter => char.IsControl(letter) || letter == ' ');
}
