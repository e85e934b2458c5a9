using Protocol.Configuration;
using Protocol.Configuration.Files;
using Xunit;

namespace Tests.Unit.Configuration;

/// <summary>Real files in real folders, also such as are not as they should be.</summary>
public sealed class ConfigurationFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("configuration-files-").FullName;

    private ConfigurationPlaces Places => new($"{_folder}/usr", $"{_folder}/etc", "p.conf");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }

    private string[] Read(string? named = null)
        => [.. ConfigurationFiles.Read(Places, named).Select(file
            => $"{file.Path[_folder.Length..]}: {string.Join(", ", file.Settings.Select(one => one.Text))}"
                + $"{string.Join(", ", file.Problems.Select(one => one.Text))}")];

    [Fact]
    public void Nothing_at_all_is_no_mistake_but_a_named_file_that_is_not_there_is()
    {
        Assert.Empty(Read());
        Assert.StartsWith("/x.conf: it cannot be read: ", Assert.Single(Read($"{_folder}/x.conf")), StringComparison.Ordinal);
    }

    [Fact]
    public void Drop_ins_of_both_places_are_read_by_name_and_a_link_to_null_removes_one()
    {
        Write("usr/p.conf", "k = vendor");
        Write("usr/p.conf.d/10.conf", "k = 10");
        Write("usr/p.conf.d/20.conf", "k = 20");
        Write("usr/p.conf.d/30.conf", "k = 30");
        Write("etc/p.conf.d/20.conf", "k = own 20");
        File.CreateSymbolicLink($"{_folder}/etc/p.conf.d/30.conf", "/dev/null");
        Assert.Equal(
            ["/usr/p.conf: vendor", "/usr/p.conf.d/10.conf: 10", "/etc/p.conf.d/20.conf: own 20", "/etc/p.conf.d/30.conf: "],
            Read());
        Write("etc/p.conf", "k = own");
        Assert.Equal("/etc/p.conf: own", Read()[0]);
        Assert.Equal(["/usr/p.conf: vendor", "/usr/p.conf.d/10.conf: 10"], Read($"{_folder}/usr/p.conf")[..2]);
    }

    [Fact]
    public void A_link_that_leads_nowhere_and_a_device_without_an_end_are_mistakes()
    {
        Directory.CreateDirectory($"{_folder}/etc/p.conf.d");
        File.CreateSymbolicLink($"{_folder}/etc/p.conf.d/a.conf", "/nowhere");
        File.CreateSymbolicLink($"{_folder}/etc/p.conf.d/b.conf", "/dev/zero");
        Directory.CreateDirectory($"{_folder}/etc/p.conf.d/c.conf");
        string[] read = Read();
        Assert.Equal(2, read.Length);
        Assert.Contains("cannot be read", read[0]);
        Assert.Contains("larger than", read[1]);
    }

    [Fact]
    public void A_folder_with_very_many_files_is_none_of_configuration()
    {
        for (int number = 0; number < 257; number++)
        {
            Write($"etc/p.conf.d/{number}.conf", string.Empty);
        }

        Assert.Equal("/etc/p.conf.d: it holds more than 256 files; remove some", Assert.Single(Read()));
    }
}
