using System.Net.Sockets;
using Testbed.Domains;
using Testbed.Linux;
using Xunit;

namespace Tests.Integration.Testbed;

/// <summary>A folder for domains, and a program to run as their first process that is not the agent.</summary>
public sealed class TestbedFixture : IAsyncLifetime
{
    private static readonly string StandInSource =
        Path.Combine(AppContext.BaseDirectory, "Testbed", "stand-in.c");

    private Socket? _xenstore;

    public string Folder { get; } = Directory.CreateTempSubdirectory("testbed-").FullName;

    public string XenstoreSocket => Path.Combine(Folder, "xenstore");

    public static void SkipUnlessPossible()
    {
        if (Containment.WhyNot() is { } reason)
        {
            Assert.Skip(reason);
        }
    }

    public DomainDefinition Definition(string name, params DiskDefinition[] dataDisks) => new()
    {
        Name = name,
        Uuid = Guid.NewGuid(),
        Disks = [new DiskDefinition(DiskDefinition.Xvda, "ext3", "/"), .. dataDisks],
        Programs = [new ProgramFile(Path.Combine(Folder, "stand-in"), "/sbin/stand-in")],
        Command = ["/sbin/stand-in"],
    };

    public Task<TestbedDomain> CreateDomainAsync(string name, params DiskDefinition[] dataDisks)
        => TestbedDomain.CreateAsync(Definition(name, dataDisks), Path.Combine(Folder, name));

    public async ValueTask InitializeAsync()
    {
        if (Containment.WhyNot() is not null)
        {
            return;
        }

        string program = Path.Combine(Folder, "stand-in");
        await Tool.RequireAsync("gcc", "-Wall", "-Werror", "-O1", "-o", program, StandInSource);
        _xenstore = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _xenstore.Bind(new UnixDomainSocketEndPoint(XenstoreSocket));
        _xenstore.Listen();
    }

    public ValueTask DisposeAsync()
    {
        _xenstore?.Dispose();
        Directory.Delete(Folder, recursive: true);
        return ValueTask.CompletedTask;
    }
}
