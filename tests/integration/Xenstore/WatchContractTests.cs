using Protocol.Xenstore;
using Protocol.Xenstore.Client;
using Testbed.Xenstore;
using Xunit;

namespace Tests.Integration.Xenstore;

/// <summary>When watches fire, for whom, in what order and with which words.</summary>
public sealed class WatchContractTests
{
    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task A_watch_fires_at_once_after_its_answer_and_a_writer_hears_of_its_write_before_its_answer(
        DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        foreach (int domainId in (int[])[0, 5])
        {
            RawXenstoreClient client = stage.Raw(domainId);

            client.Send(XenstoreOperation.Watch, "data\0t\0");
            Assert.Equal("OK\0", client.ReceiveText());
            Assert.Equal("data\0t\0", client.ReceiveText());
            client.Send(XenstoreOperation.Write, "data/a\0x");
            Assert.Equal("data/a\0t\0", client.ReceiveText());
            Assert.Equal("OK\0", client.ReceiveText());
            client.Send(XenstoreOperation.Remove, "data/a\0");
            Assert.Equal("data/a\0t\0", client.ReceiveText());
            Assert.Equal("OK\0", client.ReceiveText());
        }
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task A_watch_fires_for_what_changes_below_in_the_words_it_was_set_with(DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        RawXenstoreClient dom0 = stage.Raw(0);
        using PollLoop guest = stage.Poll(5);
        Watch(guest, "data");
        Watch(guest, "/local/domain/5/attr");

        Assert.Equal("OK\0", dom0.Ask(XenstoreOperation.Write, "/local/domain/5/data/a/b\0x"));
        Assert.Equal("data/a/b", NextPath(guest));
        Assert.Equal("OK\0", dom0.Ask(XenstoreOperation.Write, "/local/domain/5/attr/b\0x"));
        Assert.Equal("/local/domain/5/attr/b", NextPath(guest));
        Assert.Equal("OK\0", dom0.Ask(XenstoreOperation.Write, "/local/domain/5/data/a/b\0x"));
        Assert.Equal("data/a/b", NextPath(guest));
        Assert.Equal("OK\0", dom0.Ask(XenstoreOperation.MakeDirectory, "/local/domain/5/data/a/b\0"));
        Assert.Equal("OK\0", dom0.Ask(XenstoreOperation.MakeDirectory, "/local/domain/5/data/c/d\0"));
        Assert.Equal("data/c/d", NextPath(guest));
        Assert.Equal("OK\0", dom0.Ask(XenstoreOperation.SetPermissions, "/local/domain/5/data/a\0n5\0r6\0"));
        Assert.Equal("data/a", NextPath(guest));
        Assert.Equal("OK\0", dom0.Ask(XenstoreOperation.Remove, "/local/domain/5/data/none\0"));
        Assert.Equal("OK\0", dom0.Ask(XenstoreOperation.Remove, "/local/domain/5/data/a\0"));
        Assert.Equal("data/a", NextPath(guest));
        Assert.Equal("OK\0", dom0.Ask(XenstoreOperation.Remove, "/local/domain/5/data\0"));
        Assert.Equal("data", NextPath(guest));
        Assert.Equal("OK\0", dom0.Ask(XenstoreOperation.Write, "/local/domain/5/attr/end\0"));
        Assert.Equal("/local/domain/5/attr/end", NextPath(guest));
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task Whoever_watches_a_node_is_told_when_it_goes_with_its_parent(DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        (XenstoreClient dom0, ClientEvents events) = await stage.ConnectAsync(0);
        Assert.Equal(XenstoreError.None, await dom0.WriteTextAsync("/test/a/b", "x"));
        Assert.Equal(XenstoreError.None, await dom0.WatchAsync("/test/a/b"));
        Assert.Equal("/test/a/b", await events.NextPathAsync());

        Assert.Equal(XenstoreError.None, await dom0.RemoveAsync("/test", ContractStage.Cancellation));

        Assert.Equal("/test/a/b", await events.NextPathAsync());
        Assert.Equal("ENOENT", await dom0.ReadTextAsync("/test/a/b"));
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task A_guest_is_told_only_of_what_it_may_read_or_whose_parent_it_may_read(DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        RawXenstoreClient dom0 = stage.Raw(0);
        dom0.Demand(XenstoreOperation.Write, "/test/a\0x");
        using PollLoop guest = stage.Poll(5);
        foreach (string path in (string[])["/test", "/local/domain", "@releaseDomain", "@introduceDomain"])
        {
            Watch(guest, path);
        }

        dom0.Demand(XenstoreOperation.Write, "/test/a\0unseen");
        dom0.Demand(XenstoreOperation.Write, "/local/domain/6/data/x\0unseen");
        stage.Daemon.IntroduceDomain(7);
        stage.Daemon.ReleaseDomain(7);
        dom0.Demand(XenstoreOperation.SetPermissions, "/test/a\0n0\0r5\0");
        Assert.Equal("/test/a", NextPath(guest));
        dom0.Demand(XenstoreOperation.Write, "/test/a\0seen");
        Assert.Equal("/test/a", NextPath(guest));
        dom0.Demand(XenstoreOperation.SetPermissions, "/test/a\0n0\0");
        Assert.Equal("/test/a", NextPath(guest));
        dom0.Demand(XenstoreOperation.Write, "/test/a\0unseen");
        dom0.Demand(XenstoreOperation.SetPermissions, "/test\0n0\0r5\0");
        Assert.Equal("/test", NextPath(guest));
        dom0.Demand(XenstoreOperation.Write, "/test/a\0unreadable-but-told");
        Assert.Equal("/test/a", NextPath(guest));
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task Domains_come_shut_down_and_go_with_all_that_they_owned(DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        (XenstoreClient dom0, ClientEvents events) = await stage.ConnectAsync(0);
        await dom0.WatchAsync("@introduceDomain");
        Assert.Equal("@introduceDomain", await events.NextPathAsync());
        await dom0.WatchAsync("@releaseDomain");
        Assert.Equal("@releaseDomain", await events.NextPathAsync());

        stage.Daemon.IntroduceDomain(7, "web");
        Assert.Equal("@introduceDomain", await events.NextPathAsync());
        Assert.Equal("web", await dom0.ReadTextAsync("/local/domain/7/name"));
        await dom0.WriteTextAsync("/test", string.Empty);
        await dom0.SetPermissionsAsync("/test", Permissions("n0", "b7"), ContractStage.Cancellation);
        RawXenstoreClient guest = stage.Raw(7);
        guest.Demand(XenstoreOperation.Write, "/test/of-the-guest\0x");

        stage.Daemon.ShutDownDomain(7);
        Assert.Equal("@releaseDomain", await events.NextPathAsync());
        Assert.Equal("web", guest.Ask(XenstoreOperation.Read, "name\0"));

        stage.Daemon.ReleaseDomain(7);
        Assert.Equal("@releaseDomain", await events.NextPathAsync());
        Assert.Null(guest.Receive());
        Assert.Equal("ENOENT", await dom0.ReadTextAsync("/local/domain/7"));
        Assert.Equal("ENOENT", await dom0.ReadTextAsync("/test/of-the-guest"));
        Assert.False((await dom0.IsDomainIntroducedAsync(7, ContractStage.Cancellation)).Value);
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task A_permission_given_before_a_domain_is_there_means_nothing_nor_does_one_of_its_predecessor(
        DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        RawXenstoreClient dom0 = stage.Raw(0);
        dom0.Demand(XenstoreOperation.Write, "/test\0x");
        dom0.Demand(XenstoreOperation.SetPermissions, "/test\0n0\0r7\0");

        stage.Daemon.IntroduceDomain(7);
        Assert.Equal("n0\0r7\0", dom0.Ask(XenstoreOperation.GetPermissions, "/test\0"));
        RawXenstoreClient guest = stage.Raw(7);
        Assert.Equal("EACCES", guest.Ask(XenstoreOperation.Read, "/test\0"));
        dom0.Demand(XenstoreOperation.SetPermissions, "/test\0n0\0r7\0");
        Assert.Equal("x", guest.Ask(XenstoreOperation.Read, "/test\0"));

        stage.Daemon.ReleaseDomain(7);
        stage.Daemon.IntroduceDomain(7);
        Assert.Equal("EACCES", stage.Raw(7).Ask(XenstoreOperation.Read, "/test\0"));
    }

    [Fact]
    public async Task The_events_of_a_transaction_come_when_it_is_committed()
    {
        await using ContractStage stage = await ContractStage.StartAsync(DaemonKind.Real);
        RawXenstoreClient toolstack = stage.Raw(0);
        (XenstoreClient dom0, ClientEvents events) = await stage.ConnectAsync(0);
        await dom0.WatchAsync("/test");
        Assert.Equal("/test", await events.NextPathAsync());

        uint aborted = toolstack.StartTransaction();
        Assert.Equal("OK\0", toolstack.Ask(XenstoreOperation.Write, "/test/aborted\0x", aborted));
        Assert.Equal("OK", toolstack.EndTransaction(aborted, commit: false));
        uint committed = toolstack.StartTransaction();
        Assert.Equal("OK\0", toolstack.Ask(XenstoreOperation.Write, "/test/committed\0x", committed));
        Assert.Equal("ENOENT", await dom0.ReadTextAsync("/test/committed"));
        Assert.Equal("OK", toolstack.EndTransaction(committed, commit: true));

        Assert.Equal("/test/committed", await events.NextPathAsync());
        uint late = toolstack.StartTransaction();
        Assert.Equal("x", toolstack.Ask(XenstoreOperation.Read, "/test/committed\0", late));
        Assert.Equal("OK\0", toolstack.Ask(XenstoreOperation.Write, "/test/late\0x", late));
        await dom0.WriteTextAsync("/test/committed", "y");
        Assert.Equal("EAGAIN", toolstack.EndTransaction(late, commit: true));
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task Events_that_wait_are_folded_when_they_are_the_same(DaemonKind kind)
    {
        const int writes = 3000;
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        RawXenstoreClient dom0 = stage.Raw(0);
        RawXenstoreClient watcher = stage.Raw(0);
        Assert.Equal("OK\0", watcher.Ask(XenstoreOperation.Watch, "/test\0t\0"));

        for (int i = 0; i < writes; i++)
        {
            dom0.Demand(XenstoreOperation.Write, "/test/same\0x");
        }

        dom0.Demand(XenstoreOperation.Write, "/test/last\0x");

        Assert.Equal("/test", watcher.NextEvent().Path);
        int same = 0;
        for (string path = watcher.NextEvent().Path; path != "/test/last"; path = watcher.NextEvent().Path)
        {
            Assert.Equal("/test/same", path);
            same++;
        }

        // What the system's socket buffer holds was sent and cannot be folded.
        Assert.InRange(same, 1, writes - 1000);
    }

    internal static void Watch(PollLoop guest, string path)
    {
        Assert.Equal(XenstoreError.None, guest.Ask(XenstoreRequest.Watch(path, "t")).Error);
        Assert.Equal(path, NextPath(guest));
    }

    internal static XenstorePermission[] Permissions(params string[] texts)
        => [.. XenstorePayload.ToPermissions(texts)!];

    private static string NextPath(PollLoop guest) => guest.Next().Watch!.Value.Path;
}
