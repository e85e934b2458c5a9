using System.Runtime.CompilerServices;
using HostBridge.Recovery;
using Protocol.Health;
using Xunit;

namespace Tests.Unit.Bridge;

/// <summary>The table in RECOVERY.md and the table in the code say the same, in every combination.</summary>
public sealed class RecoveryTableTests
{
    private static readonly KebabNames<Rung> Rungs = new();
    private static readonly KebabNames<Verdict> Verdicts = new();
    private static readonly KebabNames<FilesystemFamily> Families = new();
    private static readonly KebabNames<FilesystemRole> Roles = new();

    [Fact]
    public void The_document_says_what_the_code_does_for_every_combination()
    {
        var documented = new Dictionary<(Verdict, FilesystemFamily, FilesystemRole, bool), Rung>();
        foreach (string[] row in ReadTable())
        {
            foreach (Verdict verdict in Values(row[0], Verdicts))
            {
                foreach (FilesystemFamily family in Values(row[1], Families))
                {
                    foreach (FilesystemRole role in Values(row[2], Roles))
                    {
                        documented.Add((verdict, family, role, false), Values(row[3], Rungs).Single());
                        documented.Add((verdict, family, role, true), Values(row[4], Rungs).Single());
                    }
                }
            }
        }

        foreach (Verdict verdict in Enum.GetValues<Verdict>())
        {
            foreach (FilesystemFamily family in Enum.GetValues<FilesystemFamily>())
            {
                foreach (FilesystemRole role in Enum.GetValues<FilesystemRole>())
                {
                    foreach (bool open in new[] { false, true })
                    {
                        Assert.True(
                            documented.TryGetValue((verdict, family, role, open), out Rung rung),
                            $"RECOVERY.md has no row for {verdict} {family} {role}");
                        Assert.Equal((verdict, family, role, open, rung),
                            (verdict, family, role, open, RecoveryTable.Decide(verdict, family, role, open)));
                    }
                }
            }
        }
    }

    [Fact]
    public void Nothing_is_ever_done_on_storage_that_is_not_stable()
        => Assert.All(
            from verdict in Enum.GetValues<Verdict>()
            from family in Enum.GetValues<FilesystemFamily>()
            from role in Enum.GetValues<FilesystemRole>()
            select RecoveryTable.Decide(verdict, family, role, storageOpen: false),
            rung => Assert.True(rung is Rung.Nothing or Rung.Wait));

    private static IEnumerable<string[]> ReadTable([CallerFilePath] string source = "")
    {
        string path = Path.Combine(Path.GetDirectoryName(source)!, "../../../host-bridge/RECOVERY.md");
        return File.ReadLines(path)
            .SkipWhile(line => !line.StartsWith("| verdict |", StringComparison.Ordinal))
            .Skip(2)
            .TakeWhile(line => line.StartsWith('|'))
            .Select(line => line.Trim('|').Split('|', StringSplitOptions.TrimEntries));
    }

    private static IEnumerable<T> Values<T>(string cell, KebabNames<T> names)
        where T : struct, Enum
    {
        if (cell == "any")
        {
            return Enum.GetValues<T>();
        }

        return cell.Split(", ").Select(word =>
        {
            Assert.True(names.TryParse(word, out T value), $"RECOVERY.md: \"{word}\" is no word for {typeof(T).Name}");
            return value;
        });
    }
}
