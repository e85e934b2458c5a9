using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using HostBridge;
using HostBridge.Admin;
using HostBridge.Admin.Views;
using HostBridge.Configuration;
using HostBridge.Incidents;
using HostBridge.Recovery;
using Microsoft.Extensions.Logging.Abstractions;
using Protocol.Health;
using Tests.Unit.Bridge.Incidents;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge.Admin;

/// <summary>The commands over a real socket, to a real loop and a real state directory; and clients that mean no good.</summary>
public sealed class SocketTests : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly StateDirectory _directory = new();
    private readonly BridgeInputQueue _inputs = new();
    private readonly BridgeStory _story = AdminStage.Tell();
    private readonly CancellationTokenSource _ends = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("admin-").FullName;
    private IncidentLog _incidents = null!;
    private AdminSocket _socket = null!;
    private Task _turning = Task.CompletedTask;

    private string SocketPath => Path.Combine(_folder, "admin.sock");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var clock = new BridgeClock(TimeProvider.System);
        var desk = new AdminDesk(_inputs);
        _incidents = new IncidentLog(_directory.Store(), _inputs, clock, NullLogger<IncidentLog>.Instance)
        {
            DurableLimit = Limit, CloseLimit = Limit,
        };
        await _incidents.OpenAsync(Cancellation);
        _turning = TurnAsync(desk);
        _socket = SocketAt(SocketPath, desk, clock);
        await _socket.StartAsync(Cancellation);
        await UntilAsync(() => File.Exists(SocketPath));
    }

    public async ValueTask DisposeAsync()
    {
        await _socket.StopAsync(CancellationToken.None);
        await _ends.CancelAsync();
        await _turning.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _incidents.StopAsync(CancellationToken.None);
        _socket.Dispose();
        _incidents.Dispose();
        _ends.Dispose();
        _directory.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Status_is_answered_with_every_guest()
    {
        StatusDocument status = await StatusAsync();
        Assert.Equal(7, status.Guests.Count);
        Assert.Equal("web4", status.Guests[0].Name);
        Assert.Equal(AdminSchema.Current, status.Schema);
    }

    [Fact]
    public async Task The_socket_is_its_owners_alone()
    {
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SocketPath));
        await _socket.StopAsync(Cancellation);
        Assert.False(File.Exists(SocketPath));
    }

    [Fact]
    public async Task Explain_finds_the_guest_and_its_disks()
    {
        ExplainDocument explained = await AskAsync(
            new AdminRequest { Command = AdminVerbs.Explain, Guest = "web2" }, AdminJson.Plain.ExplainDocument);
        Assert.Equal("8:32", Assert.Single(explained.Disks).Name);
        Assert.False(explained.Disks[0].Stable);
        AdminAnswer nobody = await AdminClient.AskAsync(
            SocketPath, new AdminRequest { Command = AdminVerbs.Explain, Guest = "nobody" }, Cancellation);
        Assert.Equal(AdminClient.RefusedExitCode, nobody.ExitCode);
        Assert.Contains("no guest \"nobody\"", nobody.Problem);
    }

    [Fact]
    public async Task A_dry_run_says_what_it_would_do_and_does_nothing()
    {
        ActDocument act = await ActAsync(AdminVerbs.Recover, "web1", isDryRun: true);
        Assert.True(act.Accepted);
        Assert.Contains("would restart it with a check", act.Text);
        Assert.Equal(["observe", "host-evidence"], act.Hindrances.Select(one => one.Kind));
        Assert.Equal("withheld", (await GuestAsync("web1")).State);
    }

    [Fact]
    public async Task An_order_is_accepted_and_begun()
    {
        ActDocument act = await ActAsync(AdminVerbs.Recover, "web1");
        Assert.True(act.Accepted, act.Text);
        Assert.Equal("recovering", (await GuestAsync("web1")).State);
    }

    [Fact]
    public async Task An_order_that_cannot_be_recorded_is_refused_and_ends_nothing_that_stands()
    {
        await HoldAsync();
        File.Move(_directory.DatabasePath, _directory.DatabasePath + ".away");
        IncidentEntry entry = IncidentEntry.Of(
            Guest(1), new DomainId(11), TellKind.Intent, "about to", StateDirectory.Facts("reboot-1"), StateDirectory.Now);
        Assert.NotNull(await _incidents.AppendDurableAsync(entry, Cancellation));
        ActDocument act = await ActAsync(AdminVerbs.Recover, "web1");
        Assert.False(act.Accepted, act.Text);
        Assert.Contains("could not be recorded", act.Text);
        Assert.Equal("withheld", (await GuestAsync("web1")).State);
        Assert.True(File.Exists(_directory.HoldPath(8)));
    }

    [Theory]
    [InlineData("web3", "everything that it reports is well")]
    [InlineData("web4", "plan a restart")]
    [InlineData("web5", "under way")]
    [InlineData("web6", "no agent of it has reported")]
    [InlineData("web7", "a hang ends by itself")]
    public async Task An_order_that_leads_nowhere_is_refused_with_the_reason(string guest, string reason)
    {
        ActDocument act = await ActAsync(AdminVerbs.Recover, guest);
        Assert.False(act.Accepted);
        Assert.Contains(reason, act.Text);
    }

    [Fact]
    public async Task A_pause_outlives_the_bridge_until_it_is_resumed()
    {
        Assert.True((await ActAsync(AdminVerbs.Pause, guest: null, seconds: 7200)).Accepted);
        Assert.True((await StatusAsync()).Bridge.Paused);
        Assert.True((await ActAsync(AdminVerbs.Pause, "web1")).Accepted);
        Assert.Contains("paused", (await ActAsync(AdminVerbs.Recover, "web1")).Text);
        Assert.Equal(2, Restarted().Pauses.Count);

        Assert.Contains("still are: 2", (await ActAsync(AdminVerbs.Resume, guest: null)).Text);
        Assert.False((await ActAsync(AdminVerbs.Resume, guest: null)).Accepted);
        Assert.True((await ActAsync(AdminVerbs.Resume, "web1")).Accepted);
        Assert.Empty(Restarted().Pauses);
        Assert.True((await ActAsync(AdminVerbs.Recover, "web1")).Accepted);
    }

    [Fact]
    public async Task Who_paused_stands_in_the_history()
    {
        await ActAsync(AdminVerbs.Pause, guest: null, seconds: 60);
        await ActAsync(AdminVerbs.Pause, "web1");
        await ActAsync(AdminVerbs.Resume, "web1");
        IReadOnlyList<IncidentEntry> story = IncidentReader.ReadStory(_directory.Folder, null, 10);
        Assert.Contains(story, entry => entry.Name == "host-bridge" && entry.Text.StartsWith("a person paused the bridge until", StringComparison.Ordinal));
        Assert.Contains(story, entry => entry.Name == "web1" && entry.Text == "a person paused it until somebody resumes it");
    }

    [Fact]
    public async Task Acknowledging_ends_what_stands_also_for_the_next_bridge()
    {
        await HoldAsync();
        Assert.Equal("needs-operator", (await GuestAsync("web8")).State);
        Assert.True(File.Exists(_directory.HoldPath(8)));
        Assert.True((await ActAsync(AdminVerbs.Acknowledge, "web8")).Accepted);
        Assert.False(File.Exists(_directory.HoldPath(8)));
        Assert.Null(Restarted().Guests.FirstOrDefault(one => one.Guest == Guest(8))?.Standing);
        ActDocument again = await ActAsync(AdminVerbs.Acknowledge, "web8");
        Assert.False(again.Accepted);
        Assert.Contains("nothing stands for web8", again.Text);
    }

    [Fact]
    public async Task What_ends_by_itself_is_not_acknowledged()
    {
        ActDocument act = await ActAsync(AdminVerbs.Acknowledge, "web4");
        Assert.False(act.Accepted);
        Assert.Contains("ends by itself when its reason does", act.Text);
        Assert.True((await ActAsync(AdminVerbs.Acknowledge, guest: null)).Accepted);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("null\n")]
    [InlineData("{}\n")]
    [InlineData("[[[[[[[[[[[[[[[[\n")]
    [InlineData("{\"command\":\"status\"")]
    [InlineData("{\"schema\":1,\"command\":\"format\"}\n")]
    [InlineData("{\"schema\":1,\"command\":\"explain\"}\n")]
    [InlineData("{\"schema\":2,\"command\":\"status\"}\n")]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    public async Task What_is_no_request_is_answered_with_an_error_and_changes_nothing(string text)
    {
        ErrorDocument error = await SendRawAsync(Encoding.UTF8.GetBytes(text));
        Assert.Equal(AdminErrors.Unknown, error.Error);
        Assert.Equal(7, (await StatusAsync()).Guests.Count);
    }

    [Fact]
    public async Task A_request_that_is_too_long_is_cut_off()
    {
        byte[] line = [.. Enumerable.Repeat((byte)'a', AdminRequest.MaxBytes)];
        Assert.Equal(AdminErrors.Unknown, (await SendRawAsync(line)).Error);
    }

    [Fact]
    public async Task Clients_that_say_nothing_or_never_read_keep_nobody_from_being_answered()
    {
        List<Socket> clients = [];
        for (int number = 0; number < AdminSocket.MaxClients - 1; number++)
        {
            Socket client = Connect();
            clients.Add(client);
            if (number % 2 == 0)
            {
                await client.SendAsync(AdminJson.ToBytes(new AdminRequest { Command = AdminVerbs.Status }), Cancellation);
                await client.SendAsync("\n"u8.ToArray(), Cancellation);
            }
        }

        for (int number = 0; number < 5; number++)
        {
            Assert.Equal(7, (await StatusAsync()).Guests.Count);
        }

        clients.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task Beyond_the_most_clients_a_further_one_is_told_that_the_bridge_is_busy()
    {
        List<Socket> clients = [.. Enumerable.Range(0, AdminSocket.MaxClients).Select(_ => Connect())];
        AdminAnswer answer = await AdminClient.AskAsync(
            SocketPath, new AdminRequest { Command = AdminVerbs.Status }, Cancellation);
        Assert.Equal(AdminClient.UnavailableExitCode, answer.ExitCode);
        Assert.Contains("too many ask at once", answer.Problem);
        clients.ForEach(client => client.Dispose());
        await UntilAsync(async () => (await AdminClient.AskAsync(
            SocketPath, new AdminRequest { Command = AdminVerbs.Status }, Cancellation)).Json is not null);
    }

    [Fact]
    public async Task What_a_dead_bridge_left_is_replaced_and_a_live_ones_socket_is_not()
    {
        string path = Path.Combine(_folder, "other", "admin.sock");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(path));
        }

        File.WriteAllText(path, string.Empty);
        var clock = new BridgeClock(TimeProvider.System);
        using AdminSocket first = SocketAt(path, new AdminDesk(_inputs), clock);
        await first.StartAsync(Cancellation);
        await UntilAsync(() => Task.FromResult(CanConnect(path)));

        using AdminSocket second = SocketAt(path, new AdminDesk(_inputs), clock);
        await second.StartAsync(Cancellation);
        await Task.Delay(200, Cancellation);
        await second.StopAsync(Cancellation);
        Assert.True(CanConnect(path));
        await first.StopAsync(Cancellation);
        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task Without_a_bridge_the_command_says_so()
    {
        AdminAnswer answer = await AdminClient.AskAsync(
            Path.Combine(_folder, "nobody.sock"), new AdminRequest { Command = AdminVerbs.Status }, Cancellation);
        Assert.Equal(AdminClient.UnavailableExitCode, answer.ExitCode);
        Assert.Contains("no bridge answers at", answer.Problem);
        Assert.Contains("systemctl status host-bridge", answer.Problem);
    }

    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    [InlineData("{\"schema\":2,\"guests\":[]}")]
    [InlineData("{\"guests\":[]}")]
    [InlineData("null")]
    public async Task A_bridge_of_another_version_is_told_from_one_that_is_down(string said)
    {
        AdminAnswer answer = await AskStrangerAsync(said);
        Assert.Equal(AdminClient.ProtocolExitCode, answer.ExitCode);
        Assert.Contains("another version", answer.Problem);
    }

    [Theory]
    [InlineData(AdminErrors.NotAllowed, AdminClient.NotAllowedExitCode)]
    [InlineData(AdminErrors.NoGuest, AdminClient.RefusedExitCode)]
    [InlineData(AdminErrors.Busy, AdminClient.UnavailableExitCode)]
    [InlineData(AdminErrors.Unknown, AdminClient.ProtocolExitCode)]
    public async Task Each_error_has_an_exit_code_of_its_own(string error, int exitCode)
    {
        AdminAnswer answer = await AskStrangerAsync($"{{\"schema\":1,\"error\":\"{error}\",\"text\":\"try again\"}}");
        Assert.Equal(exitCode, answer.ExitCode);
        Assert.Equal("try again.", answer.Problem);
    }

    private static AdminSocket SocketAt(string path, AdminDesk desk, BridgeClock clock, IncidentLog? incidents = null)
    {
        var inForce = new OptionsInForce(new BridgeOptions());
        var service = new AdminService(desk, incidents!, inForce, clock, NullLogger<AdminService>.Instance);
        return new AdminSocket(path, service, TimeProvider.System, NullLogger<AdminSocket>.Instance);
    }

    private AdminSocket SocketAt(string path, AdminDesk desk, BridgeClock clock)
        => SocketAt(path, desk, clock, _incidents);

    private async Task TurnAsync(AdminDesk desk)
    {
        await foreach (BridgeInput input in _inputs.ReadAllAsync(_ends.Token))
        {
            _story.Step(input);
            if (input is BridgeInput.Asked)
            {
                desk.Answer(_story.Loop, _story.Now);
            }
        }
    }

    /// <summary>A guest for which something stands, in the loop and in the state directory.</summary>
    private async Task HoldAsync()
    {
        const string Reason = "/: it did not answer in time; recover it by hand";
        IncidentEntry entry = IncidentEntry.Of(
            Guest(8), new DomainId(18), TellKind.Operator, Reason, IncidentFacts.None, StateDirectory.Now) with
        {
            Standing = true,
        };
        Assert.Null(await _incidents.AppendDurableAsync(entry, Cancellation));
        await _inputs.PostAsync(
            new BridgeInput.HistoryRestored(new GuestHistory(
                Guest(8), [], new RecoveryState.NeedsOperator(Reason, OperatorRelease.WhenHealthy))),
            Cancellation);
    }

    private RestoredIncidents Restarted()
    {
        using StateDirectory copy = _directory.Copy();
        return copy.Run();
    }

    private Task<StatusDocument> StatusAsync()
        => AskAsync(new AdminRequest { Command = AdminVerbs.Status }, AdminJson.Plain.StatusDocument);

    private async Task<GuestLine> GuestAsync(string name)
        => (await StatusAsync()).Guests.First(guest => guest.Name == name);

    private Task<ActDocument> ActAsync(string verb, string? guest, bool isDryRun = false, long? seconds = null)
        => AskAsync(
            new AdminRequest { Command = verb, Guest = guest, DryRun = isDryRun, Seconds = seconds },
            AdminJson.Plain.ActDocument);

    private async Task<T> AskAsync<T>(AdminRequest request, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        AdminAnswer answer = await AdminClient.AskAsync(SocketPath, request, Cancellation);
        Assert.Null(answer.Problem);
        return AdminClient.Read(answer.Json!, type);
    }

    private Socket Connect()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(SocketPath));
        return socket;
    }

    private static bool CanConnect(string path)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private async Task<ErrorDocument> SendRawAsync(byte[] bytes)
    {
        using Socket client = Connect();
        _ = await client.SendAsync(bytes, Cancellation);
        client.Shutdown(SocketShutdown.Send);
        return JsonSerializer.Deserialize(await ReadAllAsync(client), AdminJson.Plain.ErrorDocument)!;
    }

    private static async Task<byte[]> ReadAllAsync(Socket client)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        limit.CancelAfter(Limit);
        using var bytes = new MemoryStream();
        byte[] buffer = new byte[4096];
        while (await client.ReceiveAsync(buffer, limit.Token) is > 0 and var read)
        {
            bytes.Write(buffer, 0, read);
        }

        return bytes.ToArray();
    }

    private async Task<AdminAnswer> AskStrangerAsync(string said)
    {
        string path = Path.Combine(_folder, "stranger.sock");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(1);
        Task<AdminAnswer> asking = AdminClient.AskAsync(
            path, new AdminRequest { Command = AdminVerbs.Status }, Cancellation);
        using (Socket client = await listener.AcceptAsync(Cancellation))
        {
            byte[] request = new byte[AdminRequest.MaxBytes];
            _ = await client.ReceiveAsync(request, Cancellation);
            if (said.Length > 0)
            {
                _ = await client.SendAsync(Encoding.UTF8.GetBytes(said), Cancellation);
            }

            client.Shutdown(SocketShutdown.Both);
        }

        return await asking;
    }

    private static Task UntilAsync(Func<bool> isSo) => UntilAsync(() => Task.FromResult(isSo()));

    private static async Task UntilAsync(Func<Task<bool>> isSoAsync)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        limit.CancelAfter(Limit);
        while (!await isSoAsync())
        {
            await Task.Delay(20, limit.Token);
        }
    }
}
