using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Testbed.Agents;
using Testbed.Domains;
using Testbed.Linux;
using Testbed.Xenstore;
using Tests.Integration.Testbed;
using Xunit;

namespace Tests.Integration.Survival;

/// <summary>
/// The published agent is started while the disk of its configuration answers EIO, or nothing at all. A shell starts it
/// again as a service manager does: not after exit code 64.
/// </summary>
public sealed class StartIntoFaultTests : IAsyncLifetime
{
    private const int DomainId = 7;
    private const string Program = "/usr/bin/guest-agent";
    private const string Folder = "/etc/guest-agent";
    private const string Init =
        "trap 'exit 0' TERM; /bin/sleep 3600 & while :; do "
            + $"{Program} --xenstore /dev/xen/xenbus --root-interval 1; code=$?; echo $code >>/run/codes; "
            + "[ $code != 64 ] || break; /bin/sleep 1; done; wait";

    /// <summary>An agent whose files hang waits 10 s for them; one that could not read them tries again after 30 s.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    private readonly string _folder = Directory.CreateTempSubdirectory("start-into-fault-").FullName;
    private EmbeddedXenstore? _xenstore;
    private TestbedDomain? _domain;
    private DomainBoot? _boot;

    private string MainFile => _boot!.Inside($"{Folder}/guest-agent.conf");

    private string Copy => _boot!.Inside("/run/guest-agent/configuration");

    public async ValueTask InitializeAsync()
    {
        if (FaultDisk.WhyNot() is { } reason)
        {
            Assert.Skip(reason);
        }

        _xenstore = new EmbeddedXenstore(Directory.CreateDirectory(Path.Combine(_folder, "xenstore")).FullName);
        _xenstore.IntroduceDomain(DomainId);
        _domain = await TestbedDomain.CreateAsync(Definition(), Path.Combine(_folder, "domain"));
        _boot = await _domain.StartAsync(_xenstore.DomainSocketPath(DomainId));
        await WaitForStatusAsync(filesystems: 2, trouble: null);
        await File.WriteAllTextAsync(MainFile, $"exclude = {Folder}\n", TestContext.Current.CancellationToken);
        await RestartAgentAsync();
        await WaitForStatusAsync(filesystems: 1, trouble: null);
    }

    public async ValueTask DisposeAsync()
    {
        if (_domain is not null)
        {
            await _domain.DiskAt(Folder).SetModeAsync(FaultMode.Pass);
        }

        if (_boot is not null)
        {
            await _boot.DisposeAsync();
        }

        if (_domain is not null)
        {
            await _domain.DisposeAsync();
        }

        if (_xenstore is not null)
        {
            await _xenstore.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(FaultMode.FailReads, "Input/output error")]
    [InlineData(FaultMode.BlockAll, "not read within")]
    public async Task It_starts_with_what_was_last_read_in_this_boot_and_reads_again_when_the_disk_answers(
        FaultMode mode, string reason)
    {
        await StrikeAsync(mode);
        await RestartAgentAsync();
        await WaitForStatusAsync(filesystems: 1, trouble: reason);
        await _domain!.DiskAt(Folder).SetModeAsync(FaultMode.Pass);
        await WaitForStatusAsync(filesystems: 1, trouble: null);
        Assert.DoesNotContain("64", Codes());
    }

    [Fact]
    public async Task Without_a_copy_of_this_boot_it_starts_with_the_defaults()
    {
        await StrikeAsync(FaultMode.FailReads);
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        string copy = await File.ReadAllTextAsync(Copy, cancellation);
        await File.WriteAllTextAsync(
            Copy, copy.Replace(_boot!.BootId, Guid.NewGuid().ToString("D"), StringComparison.Ordinal), cancellation);
        await RestartAgentAsync();
        await WaitForStatusAsync(filesystems: 2, trouble: "the defaults are in force");
        await _domain!.DiskAt(Folder).SetModeAsync(FaultMode.Pass);
        await WaitForStatusAsync(filesystems: 1, trouble: null);
        Assert.DoesNotContain("64", Codes());
    }

    [Fact]
    public async Task A_mistake_still_ends_it_for_good()
    {
        await File.WriteAllTextAsync(MainFile, "frequency = 5\n", TestContext.Current.CancellationToken);
        await RestartAgentAsync();
        await AgentProcess.WaitAsync(() => Codes().Contains("64"), () => $"64; the codes are {string.Join(' ', Codes())}");
    }

    private static DomainDefinition Definition() => new()
    {
        Name = "starter",
        Uuid = Guid.NewGuid(),
        Disks =
        [
            new DiskDefinition(DiskDefinition.Xvda, "ext4", "/"),
            new DiskDefinition(DiskDefinition.Xvdb, "ext4", Folder) { IsFaultDisk = true },
        ],
        Programs =
        [
            .. Directory.GetFiles(Path.GetDirectoryName(AgentProcess.Program)!)
                .Select(file => new ProgramFile(file, $"/usr/bin/{Path.GetFileName(file)}")),
            new ProgramFile("/bin/sh", "/bin/sh"),
            new ProgramFile("/bin/sleep", "/bin/sleep"),
        ],
        Command = ["/bin/sh", "-c", Init],
    };

    /// <summary>From now on the content of the file must come from the disk.</summary>
    private async Task StrikeAsync(FaultMode mode)
    {
        await Tool.RequireAsync("sync", "-f", MainFile);
        await Tool.RequireAsync("dd", $"if={MainFile}", "iflag=nocache", "count=0");
        await _domain!.DiskAt(Folder).SetModeAsync(mode);
    }

    private async Task RestartAgentAsync()
    {
        int agent = Children(_boot!.ProcessId).Single(child
            => File.ReadAllText($"/proc/{child}/cmdline").StartsWith(Program, StringComparison.Ordinal));
        int before = Codes().Length;
        await Tool.RequireAsync("kill", "-KILL", agent.ToString(CultureInfo.InvariantCulture));
        await AgentProcess.WaitAsync(() => Codes().Length > before, () => "the end of the agent");
    }

    private string[] Codes()
    {
        string path = _boot!.Inside("/run/codes");
        return File.Exists(path) ? File.ReadAllLines(path) : [];
    }

    private Task WaitForStatusAsync(int filesystems, string? trouble)
    {
        string last = "no answer";
        return AgentProcess.WaitAsync(() => Holds(), () => $"{filesystems} filesystems, {trouble ?? "no trouble"}: {last}", Limit);

        bool Holds()
        {
            try
            {
                last = Ask();
                using JsonDocument json = JsonDocument.Parse(last);
                string? said = json.RootElement.TryGetProperty("configuration", out JsonElement configuration)
                    ? configuration.GetString()
                    : null;
                return json.RootElement.GetProperty("filesystem_count").GetInt32() == filesystems
                    && (trouble is null ? said is null : said?.Contains(trouble, StringComparison.Ordinal) == true);
            }
            catch (Exception notThere) when (notThere is SocketException or IOException or JsonException)
            {
                return false;
            }
        }
    }

    private string Ask()
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.ReceiveTimeout = (int)Limit.TotalMilliseconds;
        socket.Connect(new UnixDomainSocketEndPoint(_boot!.Inside("/run/guest-agent/socket")));
        socket.Send(Encoding.ASCII.GetBytes("status\n"));
        using var stream = new NetworkStream(socket);
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private static int[] Children(int processId)
        => [.. File.ReadAllText($"/proc/{processId}/task/{processId}/children")
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(text => int.Parse(text, CultureInfo.InvariantCulture))];
}
