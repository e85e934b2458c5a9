using System.Globalization;
using Protocol.Xenstore;
using Protocol.Xenstore.Client;
using Testbed.Xenstore;
using Xunit;

namespace Tests.Integration.Xenstore;

/// <summary>The limits of the wire and of the daemon, up to the byte.</summary>
public sealed class QuotaContractTests
{
    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task A_node_of_a_guest_has_less_than_2048_bytes_with_all_that_belongs_to_it(DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        RawXenstoreClient guest = stage.Raw(5);

        // A header of 24, one permission of 8, and the value; or the names of the children with a NUL each.
        Assert.Equal("OK\0", guest.Ask(XenstoreOperation.Write, $"data/x\0{Text(2015)}"));
        Assert.Equal("ENOSPC", guest.Ask(XenstoreOperation.Write, $"data/x\0{Text(2016)}"));
        Assert.Equal("ENOSPC", guest.Ask(XenstoreOperation.Write, $"data/x\0{Text(2047)}"));
        Assert.Equal("ENOSPC", guest.Ask(XenstoreOperation.Write, $"data/x\0{Text(2048)}"));
        Assert.Equal(Text(2015), guest.Ask(XenstoreOperation.Read, "data/x\0"));
        Assert.Equal("ENOSPC", guest.Ask(XenstoreOperation.SetPermissions, "data/x\0n5\0r6\0"));
        Assert.Equal("ENOSPC", guest.Ask(XenstoreOperation.Write, $"data/new\0{Text(2016)}"));
        Assert.Equal("ENOENT", guest.Ask(XenstoreOperation.Read, "data/new\0"));
        Assert.Equal("OK\0", guest.Ask(XenstoreOperation.Write, $"attr/{Text(1500)}\0"));
        Assert.Equal("ENOSPC", guest.Ask(XenstoreOperation.Write, $"attr/{Text(514)}\0"));
        Assert.Equal("OK\0", guest.Ask(XenstoreOperation.Write, $"attr/{Text(513)}\0"));
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task A_value_of_Dom0_fills_a_message(DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        (XenstoreClient dom0, _) = await stage.ConnectAsync(0);

        foreach (int size in (int[])[2047, 2048, 4090])
        {
            Assert.Equal(XenstoreError.None, await dom0.WriteTextAsync("/test", Text(size)));
            Assert.Equal(Text(size), await dom0.ReadTextAsync("/test"));
        }

        Assert.Equal(XenstoreError.E2BIG, await dom0.WriteTextAsync("/test", Text(4091)));
        Assert.Equal(XenstoreError.None, await dom0.WriteTextAsync("/local/domain/5/data/x", Text(4000)));
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task A_path_has_2048_characters_the_home_of_a_domain_not_counted(DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        RawXenstoreClient guest = stage.Raw(5);
        RawXenstoreClient dom0 = stage.Raw(0);

        Assert.Equal("ENOENT", guest.Ask(XenstoreOperation.Read, $"data/{Text(2048 - 5)}\0"));
        Assert.Equal("EINVAL", guest.Ask(XenstoreOperation.Read, $"data/{Text(2049 - 5)}\0"));
        Assert.Equal("ENOENT", guest.Ask(XenstoreOperation.Read, $"/local/domain/5/data/{Text(2048 - 5)}\0"));
        Assert.Equal("EINVAL", guest.Ask(XenstoreOperation.Read, $"/local/domain/5/data/{Text(2049 - 5)}\0"));
        Assert.Equal("OK\0", dom0.Ask(XenstoreOperation.Write, $"/{Text(2047)}\0x"));
        Assert.Equal("x", dom0.Ask(XenstoreOperation.Read, $"/{Text(2047)}\0"));
        Assert.Equal("EINVAL", dom0.Ask(XenstoreOperation.Read, $"/{Text(2048)}\0"));
        Assert.Equal("EINVAL", dom0.Ask(XenstoreOperation.Read, $"/{Text(3072)}\0"));
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task A_guest_owns_1000_nodes_and_Dom0_any_number(DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        RawXenstoreClient guest = stage.Raw(5);
        RawXenstoreClient dom0 = stage.Raw(0);

        int made = 0;
        while (made < 2000 && guest.Ask(XenstoreOperation.Write, $"data/{made / 100}/{made}\0") == "OK\0")
        {
            made++;
        }

        // Less 10 that libxl gives to a guest, and 10 folders.
        Assert.Equal(980, made);
        Assert.Equal("ENOSPC", guest.Ask(XenstoreOperation.Write, "data/0/one-more\0"));
        Assert.Equal("OK\0", guest.Ask(XenstoreOperation.Write, "data/0/0\0another value"));
        Assert.Equal("OK\0", dom0.Ask(XenstoreOperation.Write, "/local/domain/5/data/0/one-more\0"));
        Assert.Equal("OK\0", guest.Ask(XenstoreOperation.Remove, "data/0\0"));
        Assert.Equal("OK\0", guest.Ask(XenstoreOperation.Write, "data/0/again\0"));
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task A_guest_sets_129_watches_and_is_then_told_E2BIG(DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        using PollLoop guest = stage.Poll(5);

        int set = 0;
        while (set < 200 && Watch(guest, set) == XenstoreError.None)
        {
            set++;
        }

        // The quota is 128: the daemon compares before it counts the new one.
        Assert.Equal(129, set);
        Assert.Equal(XenstoreError.E2BIG, Watch(guest, 200));
        Assert.Equal(XenstoreError.None, guest.Ask(XenstoreRequest.Unwatch("data", "t0")).Error);
        Assert.Equal(XenstoreError.None, Watch(guest, 200));
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task A_list_over_4096_bytes_is_read_in_parts(DaemonKind kind)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        (XenstoreClient dom0, _) = await stage.ConnectAsync(0);
        string[] names = [.. Enumerable.Range(0, 600).Select(number => $"a-rather-long-name-{number:d6}")];
        foreach (string name in names)
        {
            Assert.Equal(XenstoreError.None, await dom0.WriteTextAsync($"/test/{name}", string.Empty));
        }

        Assert.Equal("E2BIG", stage.Raw(0).Ask(XenstoreOperation.Directory, "/test\0"));
        Assert.Equal(names, (await dom0.DirectoryAsync("/test", ContractStage.Cancellation)).Value);
        Assert.EndsWith("\0\0", stage.Raw(0).Ask(XenstoreOperation.DirectoryPart, "/test\0999999\0"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public async Task A_guest_that_takes_no_answers_is_not_listened_to_until_it_does(DaemonKind kind)
    {
        const int requests = 20_000;
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        RawXenstoreClient guest = stage.Raw(5);
        byte[] request = RawXenstoreClient.Message(XenstoreOperation.Read, 1, 0, "domid\0");
        byte[] all = [.. Enumerable.Repeat(request, requests).SelectMany(bytes => bytes)];

        int sent = guest.SendWhatIsTaken(all, TimeSpan.FromMilliseconds(300));

        Assert.InRange(sent, request.Length, all.Length - 1);
        Assert.Equal("OK\0", stage.Raw(6).Ask(XenstoreOperation.Write, "data/x\0others are served"));
        for (int answers = 0; answers < sent / request.Length; answers++)
        {
            Assert.Equal("5", guest.ReceiveText());
        }

        guest.Send(all.AsSpan(sent, request.Length - (sent % request.Length)));
        Assert.Equal("5", guest.ReceiveText());
    }

    private static string Text(int length) => new('x', length);

    private static XenstoreError Watch(PollLoop guest, int number)
        => guest.Ask(XenstoreRequest.Watch("data", string.Create(CultureInfo.InvariantCulture, $"t{number}"))).Error;
}
