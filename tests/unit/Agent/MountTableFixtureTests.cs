using System.Text;
using GuestAgent.Detection;
using GuestAgent.Signals.Parsing;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>
/// The mount tables of systems that mount one filesystem many times. Each file in MountTables holds lines of mountinfo
/// and what is watched of them, in their order: the name, the mount that is probed, the folders for the probe file.
/// </summary>
public sealed class MountTableFixtureTests
{
    private const string Expect = "expect ";

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "Agent", "MountTables");

    public static TheoryData<string> Systems
        => [.. Directory.GetFiles(Folder, "*.txt").Select(file => Path.GetFileNameWithoutExtension(file)).Order()];

    [Theory]
    [MemberData(nameof(Systems))]
    public void A_system_is_watched_as_its_file_says(string name)
    {
        string[] lines = File.ReadAllLines(Path.Combine(Folder, $"{name}.txt"));
        string table = string.Join('\n', lines.Where(line => char.IsAsciiDigit(line[0])));
        IReadOnlyList<MountEntry> chosen = LocalFilesystems.Choose(
            MountInfoParser.Parse(Encoding.UTF8.GetBytes(table)), new MountChoice());
        Assert.Equal(
            lines.Where(line => line.StartsWith(Expect, StringComparison.Ordinal)).Select(line => line[Expect.Length..]),
            chosen.Select(Describe));
    }

    private static string Describe(MountEntry mount) => mount.IsNotWatched
        ? $"{mount.ReportedAt} not watched"
        : $"{mount.ReportedAt} through {mount.MountPoint} in {string.Join(' ', mount.ProbeFolders)}";
}
