using System.Net.Sockets;
using Protocol.Configuration;
using Protocol.Configuration.Files;
using Protocol.Health;
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

    [Fact]
    public void A_lock_that_another_program_holds_keeps_nobody_from_reading()
    {
        Write("etc/p.conf", "k = 1");
        using var holder = new FileStream($"{_folder}/etc/p.conf", FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        Assert.Equal("/etc/p.conf: 1", Assert.Single(Read()));
    }

    [Fact]
    public void A_named_folder_is_a_mistake_with_its_true_reason()
    {
        Directory.CreateDirectory($"{_folder}/x.conf");
        IniDocument read = Assert.Single(ConfigurationFiles.Read(Places, $"{_folder}/x.conf"));
        Assert.Null(read.Fault);
        Assert.Contains("Is a directory", Assert.Single(read.Problems).Text);
    }

    [Fact]
    public void A_device_that_is_not_there_is_a_fault_with_the_systems_text()
    {
        // Opening a socket gives ENXIO, without any privilege.
        Directory.CreateDirectory($"{_folder}/etc/p.conf.d");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint($"{_folder}/etc/p.conf.d/a.conf"));
        IniDocument read = Assert.Single(ConfigurationFiles.Read(Places, null));
        Assert.Empty(read.Problems);
        Assert.Equal("it cannot be read: No such device or address (errno 6)", read.Fault!.Text);
    }

    [Fact]
    public void A_copy_is_kept_on_a_tmpfs_alone_for_its_owner_alone_and_trusted_only_while_it_is_so()
    {
        const UnixFileMode owner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Assert.True(BootId.TryParse("6b1f3c9e-8f57-4b8a-a9ab-0c7a7d0f3f11", out BootId boot));
        string shared = Directory.CreateTempSubdirectory("configuration-copy-").FullName;
        string folder = $"/dev/shm/{Path.GetFileName(shared)}";
        Directory.Delete(shared);
        try
        {
            var file = new BootCopyFile(folder, owner, "copy");
            Assert.Null(file.TryRead(boot, "/etc/p"));
            Assert.True(file.TryWrite(boot, "/etc/p", "old"u8));
            Assert.True(file.TryWrite(boot, "/etc/p", "k=1"u8));
            Assert.Equal("k=1"u8, file.TryRead(boot, "/etc/p")!);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file.FilePath));
            Assert.Equal([file.FilePath], Directory.GetFileSystemEntries(folder));

            File.SetUnixFileMode(file.FilePath, owner | UnixFileMode.OtherWrite);
            Assert.Null(file.TryRead(boot, "/etc/p"));
            Assert.True(file.TryWrite(boot, "/etc/p", "k=2"u8));
            File.SetUnixFileMode(folder, owner | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute);
            Assert.Null(file.TryRead(boot, "/etc/p"));
            File.SetUnixFileMode(folder, owner);
            File.Move(file.FilePath, $"{folder}/elsewhere");
            File.CreateSymbolicLink(file.FilePath, $"{folder}/elsewhere");
            Assert.Null(file.TryRead(boot, "/etc/p"));

            // What is too large leaves nothing behind that could be taken for it.
            Assert.False(file.TryWrite(boot, "/etc/p", new byte[BootCopy.MaxBytes]));
            Assert.False(File.Exists(file.FilePath));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
