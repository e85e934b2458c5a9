using System.Runtime.CompilerServices;
using Xunit;

namespace Tests.Unit.Bridge.Admin;

/// <summary>
/// Output that people and programs rely on, kept as files beside the tests. With GOLDEN=write in the environment they
/// are written anew, to be read in the change that made them differ.
/// </summary>
internal static class GoldenFile
{
    /// <summary>Holds output against its file.</summary>
    public static void Matches(string name, string output, [CallerFilePath] string source = "")
    {
        string built = Path.Combine(AppContext.BaseDirectory, "Bridge", "Admin", "Golden", name);
        if (Environment.GetEnvironmentVariable("GOLDEN") == "write")
        {
            string kept = Path.Combine(Path.GetDirectoryName(source)!, "Golden", name);
            File.WriteAllText(kept, output);
            return;
        }

        Assert.Equal(File.ReadAllText(built), output);
    }
}
