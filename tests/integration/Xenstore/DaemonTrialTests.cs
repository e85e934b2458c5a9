using Testbed.Linux;
using Testbed.Xenstore;
using Xunit;

namespace Tests.Integration.Xenstore;

/// <summary>A daemon that does not work under the stub is named with its reason, soon: its tests are skipped.</summary>
public sealed class DaemonTrialTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    private readonly string _folder = Directory.CreateTempSubdirectory("trial-").FullName;

    [Fact]
    public async Task A_daemon_that_ends_at_once_is_named_with_what_it_said()
        => Assert.Equal(
            $"{Daemon} does not work here: xenstored ended at once with exit code 3: "
                + "xenstored: undefined symbol: xc_domain_getinfo_single",
            await TryAsync("echo 'xenstored: undefined symbol: xc_domain_getinfo_single' >&2; exit 3"));

    [Fact]
    public async Task A_daemon_that_never_listens_is_given_up()
        => Assert.Equal(
            $"{Daemon} does not work here: {Daemon} does not listen after 1 s",
            await TryAsync("exec sleep 600"));

    [Fact]
    public async Task A_daemon_that_listens_and_does_not_answer_is_given_up()
    {
        // Whoever connects waits for ever: the socket is bound by a program that only sleeps.
        string source = Path.Combine(_folder, "deaf.c");
        string deaf = Path.Combine(_folder, "deaf");
        await File.WriteAllTextAsync(source, DeafSource, TestContext.Current.CancellationToken);
        await Tool.RequireAsync("gcc", "-o", deaf, source);
        string? reason = await TryAsync($"exec {deaf}");
        Assert.StartsWith($"{Daemon} does not work here: ", reason);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private const string DeafSource = """
        #include <stdlib.h>
        #include <string.h>
        #include <sys/socket.h>
        #include <sys/un.h>
        #include <unistd.h>

        int main(void)
        {
            struct sockaddr_un address = { .sun_family = AF_UNIX };
            int listener = socket(AF_UNIX, SOCK_STREAM, 0);
            strncpy(address.sun_path, getenv("XENSTORED_PATH"), sizeof(address.sun_path) - 1);
            if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(listener, 5) != 0)
                return 1;
            for (;;)
                pause();
        }
        """;

    private string Daemon => Path.Combine(_folder, "xenstored");

    private async Task<string?> TryAsync(string script)
    {
        await File.WriteAllTextAsync(Daemon, $"#!/bin/sh\n{script}\n", TestContext.Current.CancellationToken);
        await Tool.RequireAsync("chmod", "0700", Daemon);
        return await RealXenstore.TryAsync(Daemon, Limit).WaitAsync(
            ContractStage.Patience, TestContext.Current.CancellationToken);
    }
}
