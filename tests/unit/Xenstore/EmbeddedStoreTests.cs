using Protocol.Xenstore;
using Protocol.Xenstore.Client;
using Testbed.Xenstore;
using Xunit;
using static Tests.Unit.Xenstore.ClientShortcuts;
using static Tests.Unit.Xenstore.StoreStage;

namespace Tests.Unit.Xenstore;

/// <summary>What xenstore does, asked through the client over the wire.</summary>
public sealed class EmbeddedStoreTests
{
    [Fact]
    public async Task Every_operation_of_Dom0_works()
    {
        await using var stage = new StoreStage();
        (XenstoreClient dom0, _) = await stage.ConnectAsync();

        Assert.Equal(XenstoreError.None, await dom0.WriteTextAsync("/tool/a/b", "va\0lue"));
        Assert.Equal("va\0lue", await dom0.ReadTextAsync("/tool/a/b"));
        Assert.Equal(string.Empty, await dom0.ReadTextAsync("/tool/a"));
        Assert.Equal(["b"], (await dom0.DirectoryAsync("/tool/a", Cancellation)).Value);
        stage.Store.IntroduceDomain(3);
        XenstorePermission[] permissions = Permissions("n3", "r4");
        Assert.Equal(XenstoreError.None, await dom0.SetPermissionsAsync("/tool/a", permissions, Cancellation));
        Assert.Equal(permissions, (await dom0.GetPermissionsAsync("/tool/a", Cancellation)).Value);
        Assert.Equal(XenstoreError.None, await dom0.RemoveAsync("/tool/a", Cancellation));
        Assert.Equal("ENOENT", await dom0.ReadTextAsync("/tool/a/b"));
        Assert.Equal(XenstoreError.None, await dom0.RemoveAsync("/tool/a", Cancellation));
        Assert.Equal(XenstoreError.ENOENT, await dom0.RemoveAsync("/tool/a/b", Cancellation));
        Assert.Equal("/local/domain/9", (await dom0.GetDomainPathAsync(9, Cancellation)).Value);
        Assert.False((await dom0.IsDomainIntroducedAsync(9, Cancellation)).Value);
        stage.Store.IntroduceDomain(9);
        Assert.True((await dom0.IsDomainIntroducedAsync(9, Cancellation)).Value);
    }

    [Fact]
    public async Task Malformed_paths_and_values_that_are_too_long_are_values_and_not_exceptions()
    {
        await using var stage = new StoreStage();
        (XenstoreClient dom0, _) = await stage.ConnectAsync();

        Assert.Equal("EINVAL", await dom0.ReadTextAsync("/a//b"));
        Assert.Equal("EINVAL", await dom0.ReadTextAsync("@releaseDomain"));
        Assert.Equal(XenstoreError.EINVAL, await dom0.WriteTextAsync("/" + new string('a', 3072), "x"));
        Assert.Equal(XenstoreError.EINVAL, await dom0.RemoveAsync("/", Cancellation));
        Assert.Equal(XenstoreError.EINVAL, await dom0.WatchAsync("/a/"));
        Assert.Equal(XenstoreError.EINVAL, await dom0.UnwatchAsync("/a/", "t", Cancellation));
        Assert.Equal(XenstoreError.E2BIG, await dom0.WriteTextAsync("/a", new string('x', 4094)));
        Assert.Equal(XenstoreError.None, await dom0.WriteTextAsync("/a", new string('x', 4093)));
    }

    [Fact]
    public async Task A_guest_is_its_domain_with_relative_paths_and_the_rights_that_libxl_gives()
    {
        await using var stage = new StoreStage();
        stage.Store.IntroduceDomain(5, "web");
        stage.Store.IntroduceDomain(6);
        (XenstoreClient guest, _) = await stage.ConnectAsync(5);

        Assert.Equal("5", await guest.ReadTextAsync("domid"));
        Assert.Equal("web", await guest.ReadTextAsync("/local/domain/5/name"));
        Assert.Equal(XenstoreError.None, await guest.WriteTextAsync("data/guest-agent/state", "ok"));
        Assert.Equal("ok", stage.Store.Read("/local/domain/5/data/guest-agent/state"));
        Assert.Equal(Permissions("n5"), (await guest.GetPermissionsAsync("data/guest-agent", Cancellation)).Value);
        Assert.Equal(XenstoreError.EACCES, await guest.WriteTextAsync("control/guest-agent/request", "x"));
        Assert.Equal(XenstoreError.EACCES, await guest.WriteTextAsync("name", "x"));
        Assert.Equal(XenstoreError.None, await guest.WriteTextAsync("control/shutdown", string.Empty));
        Assert.Equal("EACCES", await guest.ReadTextAsync("/local/domain/6/name"));
        Assert.Equal(XenstoreError.EACCES, (await guest.IsDomainIntroducedAsync(5, Cancellation)).Error);
    }

    [Fact]
    public async Task What_is_not_there_is_told_only_to_those_who_may_read_above_it()
    {
        await using var stage = new StoreStage();
        stage.Store.IntroduceDomain(5);
        (XenstoreClient guest, _) = await stage.ConnectAsync(5);

        Assert.Equal("ENOENT", await guest.ReadTextAsync("control/guest-agent/request"));
        Assert.Equal("EACCES", await guest.ReadTextAsync("/local/domain/7/name"));
        Assert.Equal("EACCES", await guest.ReadTextAsync("/tool/none"));
        stage.Store.Write("/local/domain/5/control/secret", "x");
        stage.Store.SetPermissions("/local/domain/5/control/secret", Permissions("n0"));
        Assert.Equal("EACCES", await guest.ReadTextAsync("control/secret"));
    }

    [Fact]
    public async Task Only_the_owner_sets_permissions_and_only_Dom0_the_owner()
    {
        await using var stage = new StoreStage();
        stage.Store.IntroduceDomain(5);
        stage.Store.IntroduceDomain(7);
        (XenstoreClient guest, _) = await stage.ConnectAsync(5);
        stage.Store.Write("/local/domain/5/device/x", "x");
        stage.Store.SetPermissions("/local/domain/5/device/x", Permissions("b0"));

        Assert.Equal(
            XenstoreError.None,
            await guest.SetPermissionsAsync("data", Permissions("n5", "r7"), Cancellation));
        Assert.Equal(XenstoreError.EPERM, await guest.SetPermissionsAsync("data", Permissions("n7"), Cancellation));
        Assert.Equal(XenstoreError.EACCES, await guest.SetPermissionsAsync("name", Permissions("n0"), Cancellation));
        Assert.Equal(
            XenstoreError.EACCES,
            await guest.SetPermissionsAsync("device/x", Permissions("b0"), Cancellation));
    }

    [Fact]
    public async Task A_guest_runs_into_its_quotas_and_Dom0_does_not()
    {
        await using var stage = new StoreStage();
        stage.Store.IntroduceDomain(5);
        (XenstoreClient guest, _) = await stage.ConnectAsync(5);
        (XenstoreClient dom0, _) = await stage.ConnectAsync();

        // A header (24), one permission (8) and the value: 2048 itself is refused.
        Assert.Equal(XenstoreError.None, await guest.WriteTextAsync("attr/x", new string('x', 2015)));
        Assert.Equal(XenstoreError.ENOSPC, await guest.WriteTextAsync("attr/x", new string('x', 2016)));
        Assert.Equal(XenstoreError.ENOSPC, await guest.WriteTextAsync("attr/y", new string('x', 2016)));
        Assert.Equal("ENOENT", await guest.ReadTextAsync("attr/y"));
        Assert.Equal(XenstoreError.None, await dom0.WriteTextAsync("/local/domain/5/attr/x", new string('x', 3000)));

        int made = 0;
        while (made < 2000
            && await guest.WriteTextAsync($"data/{made / 100}/{made}", string.Empty) == XenstoreError.None)
        {
            made++;
        }

        // 1000, less 10 that libxl gave to the guest, attr/x, and 10 folders.
        Assert.Equal(979, made);
        Assert.Equal(XenstoreError.ENOSPC, await guest.WriteTextAsync("data/0/one-more", string.Empty));
        Assert.Equal(XenstoreError.None, await dom0.WriteTextAsync("/local/domain/5/data/0/dom0", string.Empty));
    }

    [Fact]
    public async Task A_guest_has_so_many_watches()
    {
        await using var stage = new StoreStage();
        stage.Store.IntroduceDomain(5);
        (XenstoreClient guest, _) = await stage.ConnectAsync(5);

        int set = 0;
        while (set < 200 && await guest.WatchAsync("data", $"t{set}", Cancellation) == XenstoreError.None)
        {
            set++;
        }

        Assert.Equal(129, set); // The daemon compares before it counts the new one.
        Assert.Equal(XenstoreError.E2BIG, await guest.WatchAsync("data", "one-more", Cancellation));
        Assert.Equal(XenstoreError.None, await guest.UnwatchAsync("data", "t0", Cancellation));
        Assert.Equal(XenstoreError.None, await guest.WatchAsync("data", "one-more", Cancellation));
    }

    [Fact]
    public async Task A_watch_fires_at_once_for_the_subtree_and_in_the_words_it_was_set_with()
    {
        await using var stage = new StoreStage();
        stage.Store.IntroduceDomain(5);
        (XenstoreClient guest, StoreStage.EventReader events) = await stage.ConnectAsync(5);

        Assert.Equal(XenstoreError.None, await guest.WatchAsync("data"));
        Assert.Equal("data", await events.NextPathAsync());
        Assert.Equal(XenstoreError.EEXIST, await guest.WatchAsync("data"));
        stage.Store.Write("/local/domain/5/data/a/b", "x");
        Assert.Equal("data/a/b", await events.NextPathAsync());
        stage.Store.SetPermissions("/local/domain/5/data/a", Permissions("n5", "r6"));
        Assert.Equal("data/a", await events.NextPathAsync());
        stage.Store.Remove("/local/domain/5/data/a");
        Assert.Equal("data/a", await events.NextPathAsync());
        stage.Store.Remove("/local/domain/5/data");
        Assert.Equal("data", await events.NextPathAsync());

        Assert.Equal(XenstoreError.None, await guest.UnwatchAsync("data", "token", Cancellation));
        Assert.Equal(XenstoreError.ENOENT, await guest.UnwatchAsync("data", "token", Cancellation));
    }

    [Fact]
    public async Task Whoever_watches_a_node_is_told_when_it_goes_with_its_parent()
    {
        await using var stage = new StoreStage();
        stage.Store.Write("/tool/a/b", "x");
        (XenstoreClient dom0, StoreStage.EventReader events) = await stage.ConnectAsync();
        await dom0.WatchAsync("/tool/a/b");
        Assert.Equal("/tool/a/b", await events.NextPathAsync());

        stage.Store.Remove("/tool");

        Assert.Equal("/tool/a/b", await events.NextPathAsync());
        Assert.Null(stage.Store.Read("/tool"));
    }

    [Fact]
    public async Task A_guest_is_not_told_of_what_it_may_not_read()
    {
        await using var stage = new StoreStage();
        stage.Store.IntroduceDomain(5);
        stage.Store.IntroduceDomain(6);
        (XenstoreClient guest, StoreStage.EventReader events) = await stage.ConnectAsync(5);
        await guest.WatchAsync("/local/domain");
        Assert.Equal("/local/domain", await events.NextPathAsync());
        await guest.WatchAsync("@releaseDomain");
        Assert.Equal("@releaseDomain", await events.NextPathAsync());

        stage.Store.Write("/local/domain/6/data/x", "x");
        stage.Store.ReleaseDomain(6);
        stage.Store.Write("/local/domain/5/name", "renamed");

        Assert.Equal("/local/domain/5/name", await events.NextPathAsync());
    }

    [Fact]
    public async Task Domains_come_and_go()
    {
        await using var stage = new StoreStage();
        (XenstoreClient dom0, StoreStage.EventReader events) = await stage.ConnectAsync();
        await dom0.WatchAsync("@introduceDomain");
        await dom0.WatchAsync("@releaseDomain");
        Assert.Equal("@introduceDomain", await events.NextPathAsync());
        Assert.Equal("@releaseDomain", await events.NextPathAsync());

        stage.Store.IntroduceDomain(5);
        Assert.Equal("@introduceDomain", await events.NextPathAsync());
        Assert.Equal(["5"], (await dom0.DirectoryAsync("/local/domain", Cancellation)).Value);
        (XenstoreClient guest, StoreStage.EventReader guestEvents) = await stage.ConnectAsync(5);
        stage.Store.Write("/tool/shared", "x");
        stage.Store.SetPermissions("/tool/shared", Permissions("n0", "b5"));
        await guest.WriteTextAsync("/tool/shared/of-the-guest", "x");

        stage.Store.ReleaseDomain(5);

        Assert.Equal("@releaseDomain", await events.NextPathAsync());
        await guestEvents.UntilAsync<XenstoreEvent.Disconnected>();
        Assert.Empty((await dom0.DirectoryAsync("/local/domain", Cancellation)).Value!);
        Assert.Null(stage.Store.Read("/tool/shared/of-the-guest"));
        stage.Store.IntroduceDomain(5);
        (XenstoreClient next, _) = await stage.ConnectAsync(5);
        Assert.Equal("EACCES", await next.ReadTextAsync("/tool/shared"));
    }

    [Fact]
    public async Task A_long_directory_is_listed_in_parts()
    {
        await using var stage = new StoreStage();
        string[] names = [.. Enumerable.Range(0, 600).Select(number => $"a-rather-long-name-{number:d6}")];
        foreach (string name in names)
        {
            stage.Store.Write($"/tool/{name}", string.Empty);
        }

        (XenstoreClient dom0, _) = await stage.ConnectAsync();
        (XenstoreClient small, _) = await stage.ConnectAsync(0, Options with { MaxDirectorySizeBytes = 8000 });

        Assert.Equal(names, (await dom0.DirectoryAsync("/tool", Cancellation)).Value);
        Assert.Equal(XenstoreError.E2BIG, (await small.DirectoryAsync("/tool", Cancellation)).Error);
    }

    [Fact]
    public async Task The_testbed_reads_dumps_and_is_told_of_changes_before_the_writer_is_answered()
    {
        await using var stage = new StoreStage();
        stage.Store.IntroduceDomain(5);
        var changes = new List<XenstoreChange>();
        stage.Store.Changed += changes.Add;
        (XenstoreClient guest, _) = await stage.ConnectAsync(5);

        await guest.WriteTextAsync("data/x", "1");
        await guest.RemoveAsync("data/x", Cancellation);

        string path = "/local/domain/5/data/x";
        Assert.Equal([(path, "1"), (path, null)], changes.Select(one => (one.Path, one.Value)));
        Assert.Equal(["/local/domain/5/data"], stage.Store.Dump("/local/domain/5/data").Keys);
        Assert.Equal("guest-5", stage.Store.Dump("/local/domain/5")["/local/domain/5/name"]);
        Assert.Empty(stage.Store.Dump("/none"));
    }
}
