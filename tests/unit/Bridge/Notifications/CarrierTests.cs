using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using HostBridge.Commands;
using HostBridge.Notifications.Carriers;
using HostBridge.Notifications.Grouping;
using HostBridge.Notifications.Telling;
using HostBridge.Notifications.Wording;
using Xunit;

namespace Tests.Unit.Bridge.Notifications;

/// <summary>The carriers with real programs and sockets at their other end, which may hang, fail or flood.</summary>
public sealed class CarrierTests : IDisposable
{
    private const string Secret = "s3cr3t-token";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly string _folder = Directory.CreateTempSubdirectory("carriers-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_hook_gets_the_message_as_JSON_on_its_standard_input()
    {
        string kept = Path.Combine(_folder, "kept");
        Assert.Null(await Hook($"cat >{kept}").DeliverAsync(Message(), Cancellation));
        JsonElement root = JsonDocument.Parse(await File.ReadAllBytesAsync(kept, Cancellation)).RootElement;
        Assert.Equal(1, root.GetProperty("schema").GetInt32());
        Assert.Equal("needs-operator", root.GetProperty("kind").GetString());
        Assert.Equal("web1", root.GetProperty("notices")[0].GetProperty("guest").GetString());
    }

    [Fact]
    public async Task A_hook_that_hangs_is_killed_with_all_its_children()
    {
        string child = Path.Combine(_folder, "child");
        string? problem = await Hook($"sleep 1000 & echo $! >{child}; sleep 1000", TimeSpan.FromSeconds(1))
            .DeliverAsync(Message(), Cancellation);
        Assert.Contains("did not end within 1 s and was killed", problem);
        string pid = (await File.ReadAllTextAsync(child, Cancellation)).Trim();
        await WaitAsync(() => !Directory.Exists($"/proc/{pid}")
            || File.ReadAllText($"/proc/{pid}/stat").Contains(") Z "));
    }

    [Fact]
    public async Task A_hook_that_fails_is_told_with_its_words()
        => Assert.EndsWith(
            "it ended with exit code 7: no\\x1b way",
            await Hook("printf 'no\\033 way' >&2; exit 7").DeliverAsync(Message(), Cancellation));

    [Fact]
    public async Task A_hook_that_floods_and_reads_nothing_is_delivered_to_all_the_same()
        => Assert.Null(await Hook("exec <&-; head -c 3000000 /dev/zero").DeliverAsync(Message(500), Cancellation));

    [Fact]
    public async Task A_hook_that_is_not_there_is_told()
        => Assert.Contains(
            "is not there",
            await new HookCarrier(Path.Combine(_folder, "nothing"), Limit).DeliverAsync(Message(), Cancellation));

    [Fact]
    public async Task The_journal_gets_one_datagram()
    {
        string path = Path.Combine(_folder, "journal");
        using var journal = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        journal.Bind(new UnixDomainSocketEndPoint(path));
        Assert.Null(await new JournalCarrier(path).DeliverAsync(Message(500), Cancellation));
        byte[] datagram = new byte[256 * 1024];
        int size = await journal.ReceiveAsync(datagram, Cancellation);
        string entry = Encoding.UTF8.GetString(datagram, 0, size);
        Assert.Contains($"MESSAGE_ID={JournalEntry.MessageId}\n", entry);
        Assert.Contains("\nGUEST_NAME=web1\n", entry);
        Assert.EndsWith("\n", entry);
    }

    [Fact]
    public async Task A_journal_that_hangs_takes_what_it_can_and_holds_up_nobody()
    {
        string path = Path.Combine(_folder, "journal");
        using var journal = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        journal.Bind(new UnixDomainSocketEndPoint(path));
        var carrier = new JournalCarrier(path);
        string? problem = null;
        for (int number = 0; number < 10_000 && problem is null; number++)
        {
            problem = await carrier.DeliverAsync(Message(), Cancellation).WaitAsync(Limit, Cancellation);
        }

        Assert.Contains("does not take it", problem);
    }

    [Fact]
    public async Task A_journal_that_is_not_there_is_told()
        => Assert.NotNull(await new JournalCarrier(Path.Combine(_folder, "none")).DeliverAsync(Message(), Cancellation));

    [Fact]
    public async Task Sendmail_gets_the_mail_and_reads_the_recipients_from_it()
    {
        string program = Script($"printf '%s ' \"$@\" >{_folder}/arguments; cat >{_folder}/mail");
        var carrier = new MailCarrier(program, "root", ["admin@example.org"], Limit, TimeProvider.System);
        Assert.Null(await carrier.DeliverAsync(Message(), Cancellation));
        Assert.Equal("-t -oi ", await File.ReadAllTextAsync(Path.Combine(_folder, "arguments"), Cancellation));
        string[] mail = await File.ReadAllLinesAsync(Path.Combine(_folder, "mail"), Cancellation);
        Assert.Contains("To: admin@example.org", mail);
        Assert.Contains("Subject: [dom0] guest web1: needs you", mail);
        Assert.Contains("What to do:    see to it", mail);
    }

    [Fact]
    public async Task A_webhook_gets_the_message_and_no_argument_tells_its_secrets()
    {
        SkipWithoutCurl();
        using var server = new WebServer("200 OK");
        // What everybody can read of a process: of curl, as of the script that becomes it.
        string arguments = Path.Combine(_folder, "arguments");
        string curl = Script(
            $"tr '\\0' ' ' </proc/$$/cmdline >{arguments}; tr '\\0' ' ' </proc/$$/environ >>{arguments}\n"
                + $"exec {BoundedCommand.Find("curl")} \"$@\"");
        var carrier = new WebhookCarrier(
            Target($"{server.Address}hook?key={Secret}", $"Authorization: Bearer {Secret}"), Limit, curl);
        Assert.Null(await carrier.DeliverAsync(Message(500), Cancellation));
        string request = await server.RequestAsync();
        Assert.StartsWith($"POST /hook?key={Secret} HTTP/1.1\r\n", request);
        Assert.Contains($"\r\nAuthorization: Bearer {Secret}\r\n", request);
        Assert.Contains("\r\nContent-Type: application/json\r\n", request);
        string body = request[(request.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
        Assert.Equal("[dom0] storage lun-1: lost", JsonDocument.Parse(body).RootElement.GetProperty("title").GetString());
        Assert.DoesNotContain(Secret, await File.ReadAllTextAsync(arguments, Cancellation));
    }

    [Fact]
    public async Task A_webhook_that_is_down_hangs_or_errs_is_told_without_its_address()
    {
        SkipWithoutCurl();
        string curl = BoundedCommand.Find("curl")!;
        string down;
        using (var gone = new WebServer("200 OK"))
        {
            down = gone.Address;
        }

        string? problem = await new WebhookCarrier(Target(down + Secret), Limit, curl).DeliverAsync(Message(), Cancellation);
        Assert.Equal("nothing answers there (curl ended with 7)", problem);
        using var erring = new WebServer("500 Internal Server Error");
        problem = await new WebhookCarrier(Target(erring.Address + Secret), Limit, curl)
            .DeliverAsync(Message(), Cancellation);
        Assert.Equal("the server answered with an error (curl ended with 22)", problem);
        using var hanging = new WebServer(answer: null);
        problem = await new WebhookCarrier(Target(hanging.Address + Secret), TimeSpan.FromSeconds(1), curl)
            .DeliverAsync(Message(), Cancellation);
        Assert.Equal("the server did not answer in time (curl ended with 28)", problem);
    }

    [Fact]
    public async Task Without_curl_it_is_said_what_to_install()
        => Assert.Contains(
            "install it",
            await new WebhookCarrier(Target("http://x/"), Limit, curl: null).DeliverAsync(Message(), Cancellation));

    [Theory]
    [InlineData("url = ftp://x/", "write one line url")]
    [InlineData("url = http://x/\nheader = none", "write one line url")]
    [InlineData("url = http://x/\nproxy = http://y/", "write one line url")]
    [InlineData("# nothing", "has no line url")]
    public async Task A_file_of_the_webhook_that_is_wrong_is_told_without_what_it_holds(string text, string problem)
    {
        string path = Target("http://x/");
        await File.WriteAllTextAsync(path, text, Cancellation);
        Assert.Null(WebhookTarget.TryRead(path, out string? told));
        Assert.Contains(problem, told);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Assert.Null(WebhookTarget.TryRead(path, out told));
        Assert.EndsWith($"run chmod 600 {path}", told);
    }

    private static void SkipWithoutCurl()
    {
        if (BoundedCommand.Find("curl") is null)
        {
            Assert.Skip("curl is not installed; tests/prepare.sh testbed does it");
        }
    }

    private static NoticeMessage Message(int guests = 1)
    {
        Notice[] notices =
        [
            .. Enumerable.Range(1, guests).Select(guest => new Notice
            {
                Id = guest,
                At = DateTimeOffset.UnixEpoch,
                Kind = NoticeKind.NeedsOperator,
                Guest = BridgeStory.Guest(guest),
                What = "it does not write",
                ToDo = "see to it",
            }),
        ];
        var batch = new NoticeBatch(notices) { Incident = guests > 1 ? "lun-1" : null };
        return new MessageWriter(
            "dom0",
            MessageTemplate.TryParse(MessageWriter.DefaultTitle, out _)!,
            MessageTemplate.TryParse(MessageWriter.DefaultText, out _)!).Write(batch);
    }

    private static async Task WaitAsync(Func<bool> isSo)
    {
        long start = Stopwatch.GetTimestamp();
        while (!isSo())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Limit, "it did not come about");
            await Task.Delay(TimeSpan.FromMilliseconds(20), Cancellation);
        }
    }

    /// <summary>A file that says where to post.</summary>
    private string Target(string url, string? header = null)
    {
        string path = Path.Combine(_folder, "webhook");
        File.WriteAllText(path, $"# where to\nurl = {url}\n{(header is null ? string.Empty : $"header = {header}\n")}");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return path;
    }

    private HookCarrier Hook(string script, TimeSpan? limit = null) => new(Script(script), limit ?? Limit);

    private string Script(string text)
    {
        string path = Path.Combine(_folder, "program");
        File.WriteAllText(path, $"#!/bin/sh\n{text}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
        return path;
    }

    /// <summary>A web server on this machine for one request.</summary>
    private sealed class WebServer : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly Task<string> _request;

        /// <param name="answer">What it answers; null for nothing.</param>
        public WebServer(string? answer)
        {
            _listener.Start();
            _request = ServeAsync(answer);
        }

        public string Address => $"http://{_listener.LocalEndpoint}/";

        public Task<string> RequestAsync() => _request.WaitAsync(Limit, Cancellation);

        public void Dispose() => _listener.Dispose();

        private async Task<string> ServeAsync(string? answer)
        {
            using TcpClient client = await _listener.AcceptTcpClientAsync(Cancellation);
            NetworkStream stream = client.GetStream();
            var request = new StringBuilder();
            byte[] chunk = new byte[64 * 1024];
            while (!IsWhole(request.ToString()))
            {
                int size = await stream.ReadAsync(chunk, Cancellation);
                request.Append(Encoding.UTF8.GetString(chunk, 0, size));
                if (size == 0)
                {
                    return request.ToString();
                }
            }

            if (answer is null)
            {
                await stream.CopyToAsync(Stream.Null, Cancellation);
                return request.ToString();
            }

            await stream.WriteAsync(
                Encoding.ASCII.GetBytes($"HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), Cancellation);
            return request.ToString();
        }

        private static bool IsWhole(string request)
        {
            int end = request.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            const string Length = "Content-Length: ";
            int at = request.IndexOf(Length, StringComparison.OrdinalIgnoreCase);
            return end >= 0 && at >= 0 && at < end
                && request.Length - end - 4 >= int.Parse(
                    request[(at + Length.Length)..request.IndexOf('\r', at)],
                    System.Globalization.CultureInfo.InvariantCulture);
        }
    }
}
