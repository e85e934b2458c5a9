using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Xunit;

namespace Tests.Unit.House;

/// <summary>
/// The walls of the house, held against the compiled assemblies: pure rooms refer only to what is listed, and
/// dependencies point one way.
/// </summary>
public sealed class ArchitectureTests
{
    /// <summary>Namespaces of the framework that hold no async, clock, random, logger, file, socket or process.</summary>
    private static readonly string[] PureFrameworkNamespaces =
    [
        "System.Buffers", "System.Buffers.Binary", "System.Buffers.Text", "System.Collections",
        "System.Collections.Generic", "System.Collections.Immutable", "System.Collections.Frozen",
        "System.Collections.ObjectModel", "System.Diagnostics.CodeAnalysis", "System.Globalization", "System.Linq",
        "System.Numerics", "System.Runtime.CompilerServices", "System.Runtime.InteropServices", "System.Text",
        "System.Text.Json",
        "System.Text.RegularExpressions", "System.Text.RegularExpressions.Generated", "System.Reflection",
    ];

    /// <summary>In <c>System</c> itself, and in the listed namespaces, what reaches outside all the same.</summary>
    private static readonly string[] ForbiddenTypes =
    [
        "System.Environment", "System.Console", "System.Random", "System.TimeProvider", "System.GC", "System.AppDomain",
        "System.Runtime.InteropServices.NativeLibrary", "System.Runtime.InteropServices.DllImportAttribute",
        "System.Runtime.InteropServices.PosixSignalRegistration",
        "System.Runtime.CompilerServices.AsyncTaskMethodBuilder", "System.Diagnostics.Stopwatch",
    ];

    private static readonly string[] ForbiddenMembers =
    [
        "System.DateTime.get_Now", "System.DateTime.get_UtcNow", "System.DateTimeOffset.get_Now",
        "System.DateTimeOffset.get_UtcNow", "System.Guid.NewGuid", "System.Guid.CreateVersion7",
    ];

    public static TheoryData<string, string, string[]> PureRooms => new()
    {
        { "protocol", "Protocol.Health", [] },
        { "protocol", "Protocol.Kernel", [] },
        { "protocol", "Protocol.Configuration", ["Protocol.Health"] },
        { "protocol", "Protocol.Xenstore", ["Protocol.Health"] },
        {
            "protocol", "Protocol.Channel",
            ["Protocol.Health", "Protocol.Xenstore", "MessagePack", "System.IO.EndOfStreamException"]
        },
        { "guest-agent", "GuestAgent.Detection", ["Protocol.Health", "Protocol.Kernel"] },
        {
            "guest-agent", "GuestAgent.Inquiries",
            [
                "Protocol.Health", "Protocol.Xenstore", "GuestAgent.Detection", "System.Text.Json",
                "System.Text.Encodings.Web",
            ]
        },
        { "guest-agent", "GuestAgent.Requests", ["Protocol.Health", "Protocol.Xenstore", "GuestAgent.Detection"] },
        {
            "guest-agent", "GuestAgent.Reporting",
            ["Protocol.Health", "Protocol.Xenstore", "Protocol.Channel", "GuestAgent.Detection"]
        },
        {
            "guest-agent", "GuestAgent.Signals.Parsing",
            ["Protocol.Health", "Protocol.Kernel", "Protocol.Channel", "GuestAgent.Detection"]
        },
        {
            "guest-agent", "GuestAgent.Configuration",
            ["Protocol.Health", "Protocol.Channel", "Protocol.Configuration", "GuestAgent.Detection"]
        },
        {
            "host-bridge", "HostBridge.Configuration",
            [
                "Protocol.Channel", "Protocol.Configuration", "HostBridge.Recovery",
                "HostBridge.Notifications.NotificationSettings", "HostBridge.Notifications.Wording",
            ]
        },
        { "host-bridge", "HostBridge.Recovery", ["Protocol.Health", "Protocol.Kernel"] },
        { "host-bridge", "HostBridge.Correlation", ["Protocol.Health", "HostBridge.Recovery"] },
        {
            "host-bridge", "HostBridge.Admin.Views",
            [
                "Protocol.Health", "HostBridge.Recovery", "HostBridge.Correlation", "HostBridge.BridgePicture",
                "HostBridge.GuestPicture", "HostBridge.Incidents.IncidentEntry",
            ]
        },
        {
            "host-bridge", "HostBridge.Notifications.Telling",
            ["Protocol.Health", "HostBridge.Recovery", "HostBridge.Correlation", "HostBridge.Guests.Printable"]
        },
        {
            "host-bridge", "HostBridge.Notifications.Grouping",
            ["HostBridge.Recovery", "HostBridge.Notifications.Telling", "HostBridge.Guests.TokenBucket"]
        },
        {
            "host-bridge", "HostBridge.Notifications.Wording",
            [
                "Protocol.Health", "HostBridge.Recovery", "HostBridge.Correlation", "HostBridge.Notifications.Telling",
                "HostBridge.Notifications.Grouping", "System.Text.Encodings.Web",
            ]
        },
        {
            "host-bridge", "HostBridge.Guests.Parsing",
            ["Protocol.Health", "Protocol.Kernel", "Protocol.Xenstore", "Protocol.Channel", "HostBridge.Recovery"]
        },
        { "host-bridge", "HostBridge.Diagnosis.Parsing", [] },
        {
            "host-bridge", "HostBridge.Doctor",
            ["Protocol.Health", "HostBridge.Recovery", "HostBridge.Storage.Judging", "HostBridge.Toolstacks.Parsing"]
        },
        { "host-bridge", "HostBridge.Doctor.Parsing", ["HostBridge.Doctor"] },
        { "host-bridge", "HostBridge.Toolstacks.Parsing", ["HostBridge.Recovery"] },
        { "host-bridge", "HostBridge.Storage.Judging", ["HostBridge.Recovery", "HostBridge.Correlation"] },
        { "host-bridge", "HostBridge.Storage.Parsing", ["HostBridge.Recovery", "HostBridge.Storage.Judging", "Protocol.Kernel"] },
    };

    [Theory]
    [MemberData(nameof(PureRooms))]
    public void A_pure_room_refers_only_to_what_is_listed(string assembly, string room, string[] neighbours)
    {
        string[] allowed = ["System", room, .. neighbours, .. PureFrameworkNamespaces];
        References references = References.Of(assembly, type => type.Namespace == room);
        Assert.NotEmpty(references.Types);
        Assert.DoesNotContain(
            references.Types,
            type => !(allowed.Contains(NamespaceOf(type)) || allowed.Contains(type)) || IsForbidden(type));
        Assert.Empty(references.Members.Intersect(ForbiddenMembers));
    }

    [Theory]
    [InlineData("guest-agent", "GuestAgent", "AgentLoop")]
    [InlineData("host-bridge", "HostBridge", "BridgeLoop")]
    public void A_loop_is_a_step_function_without_edges(string assembly, string space, string loop)
    {
        string[] edges =
        [
            "System.IO", "System.Net", "System.Threading", "System.Diagnostics", "Microsoft", "Serilog", "Mono",
            "GuestAgent.Linux", "GuestAgent.Probing", "GuestAgent.Remedies", "GuestAgent.Reporting.Carriers",
            "HostBridge.Toolstacks", "HostBridge.Incidents", "Protocol.Xenstore.Client",
        ];
        References references = References.Of(assembly, type => type.Namespace == space && type.Name == loop);
        Assert.NotEmpty(references.Types);
        Assert.DoesNotContain(references.Types, type => IsForbidden(type)
            || edges.Any(edge => $"{NamespaceOf(type)}.".StartsWith($"{edge}.", StringComparison.Ordinal)));
        Assert.Empty(references.Members.Intersect(ForbiddenMembers));
    }

    [Theory]
    [InlineData("guest-agent", "GuestAgent.Linux", "Mono.Unix.Native.Syscall")]
    [InlineData("protocol", "Protocol.Xenstore.Client", "System.Threading.Tasks.Task")]
    public void The_guard_sees_an_edge_for_what_it_is(string assembly, string edge, string expected)
        => Assert.Contains(expected, References.Of(assembly, type => type.Namespace == edge).Types);

    [Fact]
    public void The_protocol_knows_neither_program_and_the_programs_do_not_know_each_other()
    {
        Assert.DoesNotContain(References.AssembliesOf("protocol"), name => name is "guest-agent" or "host-bridge");
        Assert.DoesNotContain("host-bridge", References.AssembliesOf("guest-agent"));
        Assert.DoesNotContain("guest-agent", References.AssembliesOf("host-bridge"));
        Assert.Contains("protocol", References.AssembliesOf("guest-agent"));
        Assert.Contains("protocol", References.AssembliesOf("host-bridge"));
    }

    private static bool IsForbidden(string type)
        => ForbiddenTypes.Any(forbidden => type.StartsWith(forbidden, StringComparison.Ordinal));

    private static string NamespaceOf(string type) => type[..Math.Max(0, type.LastIndexOf('.'))];

    /// <summary>What the types of an assembly refer to, read from its metadata and its code.</summary>
    private sealed record References(IReadOnlySet<string> Types, IReadOnlySet<string> Members)
    {
        public static References Of(string assembly, Func<(string Namespace, string Name), bool> selects)
        {
            using var file = new PEReader(File.OpenRead(PathOf(assembly)));
            MetadataReader metadata = file.GetMetadataReader();
            var collector = new ReferenceCollector(file, metadata);
            foreach (TypeDefinitionHandle handle in metadata.TypeDefinitions)
            {
                TypeDefinition outermost = Outermost(metadata, handle);
                if (selects((metadata.GetString(outermost.Namespace), metadata.GetString(outermost.Name))))
                {
                    collector.Collect(metadata.GetTypeDefinition(handle));
                }
            }

            return new References(collector.Types, collector.Members);
        }

        public static IReadOnlyList<string> AssembliesOf(string assembly)
        {
            using var file = new PEReader(File.OpenRead(PathOf(assembly)));
            MetadataReader metadata = file.GetMetadataReader();
            return [.. metadata.AssemblyReferences.Select(handle =>
                metadata.GetString(metadata.GetAssemblyReference(handle).Name))];
        }

        private static string PathOf(string assembly) => Path.Combine(AppContext.BaseDirectory, $"{assembly}.dll");

        private static TypeDefinition Outermost(MetadataReader metadata, TypeDefinitionHandle handle)
        {
            TypeDefinition type = metadata.GetTypeDefinition(handle);
            while (!type.GetDeclaringType().IsNil)
            {
                type = metadata.GetTypeDefinition(type.GetDeclaringType());
            }

            return type;
        }
    }
}
