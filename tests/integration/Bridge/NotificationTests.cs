using System.Diagnostics;
using HostBridge.Incidents;
using Protocol.Health;
using Testbed.Xenstore;
using Xunit;
using BridgeProcess = Testbed.Demo.HostBridge;

namespace Tests.Integration.Bridge;

/// <summary>The published bridge tells people over a hook that hangs, while it is killed and started again.</summary>
public sealed class NotificationTests : IDisposable
{
    private const int First = 11;
    private const int Second = 12;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("notify-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string StateDirectory => Path.Combine(_folder, "state");

    private string Told => Path.Combine(_folder, "told");

    private string Go => Path.Combine(_folder, "go");

    private string Log => Path.Combine(_folder, "log");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Killed_between_the_decision_and_the_notice_it_is_told_after_the_restart_and_once()
    {
        await using var store = new EmbeddedXenstore(Directory.CreateDirectory(Path.Combine(_folder, "xs")).FullName);
        using var dom0 = new RawXenstoreClient(store.SocketPath);
        using var first = new QuietGuest(store, dom0, First);
        using var second = new QuietGuest(store, dom0, Second);
        // One that is left behind by a bridge that is killed ends by itself, and has told nobody.
        string hook = Script("hook", $"[ -e {Go} ] || {{ sleep 5; exit 1; }}\ncat >>{Told}\necho >>{Told}");
        string config = Path.Combine(_folder, "conf");
        await File.WriteAllTextAsync(
            config,
            $"xenstore = {store.SocketPath}\nstate-directory = {StateDirectory}\n"
                + $"notify-journal = false\nnotify-hook = {hook}\n",
            Cancellation);

        BridgeProcess bridge = BridgeProcess.Start(BridgeProgram.Program, ["--config", config], Log);
        await WaitAsync(() => File.ReadAllText(Log).Split("last reported").Length > 2);
        first.Say(Verdict.JournalAborted);
        await WaitAsync(() => Undelivered() == 1);
        // The hook is busy with these by now, or will be soon; the second is decided and written down all the same.
        second.Say(Verdict.JournalAborted);
        await WaitAsync(() => Undelivered() == 2);
        Assert.False(File.Exists(Told));
        bridge.Kill();
        await bridge.WaitUntilEndedAsync();
        await bridge.DisposeAsync();

        await File.WriteAllTextAsync(Go, string.Empty, Cancellation);
        await using BridgeProcess next = BridgeProcess.Start(BridgeProgram.Program, ["--config", config], Log);
        await WaitAsync(() => File.Exists(Told) && Undelivered() == 0);
        // By now both faults were found again, and are no news.
        await WaitAsync(() => File.ReadAllText(Log).Split("waits for its storage").Length > 4);
        string told = await File.ReadAllTextAsync(Told, Cancellation);
        Assert.Equal(2, told.Split("\"kind\":\"problem\",\"guest\"").Length - 1);
        Assert.Contains("\"verdict\":\"journal-aborted\"", told);
        Assert.Equal(0, Undelivered());
    }

    [Fact]
    public async Task An_administrator_tries_whether_notices_arrive()
    {
        string good = Script("good", $"cat >{Told}");
        string config = Path.Combine(_folder, "conf");
        await File.WriteAllTextAsync(
            config, $"notify-journal = false\nnotify-hook = {good}\n", Cancellation);
        BridgeRun run = await BridgeProgram.RunAsync(_folder, null, "notify", "--test", "--config", config);
        Assert.Equal((0, "hook: delivered\n", string.Empty), (run.ExitCode, run.Output, run.Errors));
        Assert.Contains("\"kind\":\"test\"", await File.ReadAllTextAsync(Told, Cancellation));

        string bad = Script("bad", "echo no route >&2; exit 3");
        await File.WriteAllTextAsync(
            config, $"notify-journal = false\nnotify-hook = {bad}\nnotify-mail-to = root\nnotify-sendmail = {good}\n",
            Cancellation);
        run = await BridgeProgram.RunAsync(_folder, null, "notify", "--test", "--config", config);
        Assert.Equal(
            (1, $"hook: {bad}: it ended with exit code 3: no route\nmail: delivered\n"), (run.ExitCode, run.Output));
        Assert.StartsWith("From: root\nTo: root\nSubject: [", await File.ReadAllTextAsync(Told, Cancellation));
    }

    private async Task WaitAsync(Func<bool> isSo)
    {
        long start = Stopwatch.GetTimestamp();
        while (!isSo())
        {
            Assert.True(
                Stopwatch.GetElapsedTime(start) < Limit,
                $"it did not come about; {Undelivered()} wait; the bridge says: {File.ReadAllText(Log)}");
            await Task.Delay(TimeSpan.FromMilliseconds(50), Cancellation);
        }
    }

    /// <summary>
    /// Of how many faults of guests the hook has not told yet, as it stands on the disk; −1 while that cannot be read.
    /// </summary>
    private long Undelivered()
    {
        try
        {
            using StateDatabase database =
                StateDatabase.OpenToRead(Path.Combine(StateDirectory, IncidentStore.FileName));
            return database.Number(
                "SELECT count(*) FROM undelivered JOIN notice ON notice = id WHERE kind = 'problem'");
        }
        catch (Exception failure) when (failure is IOException or Microsoft.Data.Sqlite.SqliteException)
        {
            return -1;
        }
    }

    private string Script(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, $"#!/bin/sh\n{text}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
        return path;
    }
}
