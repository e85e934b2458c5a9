namespace GuestAgent.Linux;

/// <summary>
/// Where <c>/proc</c>, <c>/sys</c>, <c>/dev</c>, <c>/run</c> and <c>/etc</c> are found. Normally under <c>/</c>;
/// tests put a folder of recorded files in its place, so that no reader needs a mock.
/// </summary>
internal sealed class PathRoot(string root)
{
    private readonly string _root = root.TrimEnd('/');

    /// <summary>A path under <c>/proc</c>.</summary>
    public string Proc(string path) => $"{_root}/proc/{path}";

    /// <summary>A path under <c>/sys</c>.</summary>
    public string Sys(string path) => $"{_root}/sys/{path}";

    /// <summary>A path under <c>/dev</c>.</summary>
    public string Dev(string path) => $"{_root}/dev/{path}";

    /// <summary>A path under <c>/run</c>.</summary>
    public string Run(string path) => $"{_root}/run/{path}";

    /// <summary>A path under <c>/</c>.</summary>
    public string At(string path) => $"{_root}/{path}";

    /// <summary>A path under <c>/etc</c>.</summary>
    public string Etc(string path) => $"{_root}/etc/{path}";
}
