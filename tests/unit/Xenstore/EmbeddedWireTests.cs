using Protocol.Xenstore;
using Xunit;

namespace Tests.Unit.Xenstore;

/// <summary>What the embedded store answers to clients that our own client would never be.</summary>
public sealed class EmbeddedWireTests
{
    [Theory]
    [InlineData(XenstoreOperation.TransactionStart, "\0", "ENOSYS\0")]
    [InlineData(XenstoreOperation.TransactionEnd, "T\0", "ENOSYS\0")]
    [InlineData((XenstoreOperation)4711, "", "ENOSYS\0")]
    [InlineData(XenstoreOperation.Read, "/tool", "EINVAL\0")]
    [InlineData(XenstoreOperation.Read, "/tool\0more\0", "EINVAL\0")]
    [InlineData(XenstoreOperation.Read, "", "EINVAL\0")]
    [InlineData(XenstoreOperation.Write, "/tool", "EINVAL\0")]
    [InlineData(XenstoreOperation.Watch, "/tool\0", "EINVAL\0")]
    [InlineData(XenstoreOperation.SetPermissions, "/tool\0x0\0", "EINVAL\0")]
    [InlineData(XenstoreOperation.SetPermissions, "/tool\0", "EINVAL\0")]
    [InlineData(XenstoreOperation.DirectoryPart, "/tool\0", "EINVAL\0")]
    [InlineData(XenstoreOperation.GetDomainPath, "many\0", "EINVAL\0")]
    public async Task Malformed_and_unknown_requests_get_an_error(XenstoreOperation type, string payload, string error)
    {
        await using var stage = new StoreStage();
        stage.Store.Write("/tool", "x");
        using RawPeer client = await RawPeer.ConnectAsync(stage.Store.SocketPath);

        await client.SendAsync(type, 42, payload);

        XenstoreMessage reply = (await client.ReceiveAsync())!.Value;
        Assert.Equal((XenstoreOperation.Error, 42u), (reply.Type, reply.RequestId));
        Assert.Equal(error, System.Text.Encoding.ASCII.GetString(reply.Payload.Span));
    }

    [Fact]
    public async Task A_payload_over_the_limit_drops_the_connection()
    {
        await using var stage = new StoreStage();
        using RawPeer client = await RawPeer.ConnectAsync(stage.Store.SocketPath);
        byte[] header = new byte[XenstoreLimits.HeaderSizeBytes];
        new XenstoreHeader(XenstoreOperation.Write, 1, 0, 4097).WriteTo(header);

        await client.SendAsync(header);

        Assert.Null(await client.ReceiveAsync());
    }

    [Fact]
    public async Task Making_a_directory_leaves_a_value_as_it_is()
    {
        await using var stage = new StoreStage();
        stage.Store.Write("/tool", "x");
        using RawPeer client = await RawPeer.ConnectAsync(stage.Store.SocketPath);

        await client.SendAsync(XenstoreOperation.MakeDirectory, 1, "/tool\0");
        await client.SendAsync(XenstoreOperation.MakeDirectory, 2, "/tool/new\0");

        Assert.Equal((XenstoreOperation.MakeDirectory, "OK\0"), await client.ReceiveTextAsync());
        Assert.Equal((XenstoreOperation.MakeDirectory, "OK\0"), await client.ReceiveTextAsync());
        Assert.Equal("x", stage.Store.Read("/tool"));
        Assert.Equal(string.Empty, stage.Store.Read("/tool/new"));
    }

    [Fact]
    public async Task A_writer_gets_its_own_event_before_its_answer()
    {
        await using var stage = new StoreStage();
        using RawPeer client = await RawPeer.ConnectAsync(stage.Store.SocketPath);

        await client.SendAsync(XenstoreOperation.Watch, 1, "/tool\0t\0");
        await client.SendAsync(XenstoreOperation.Write, 2, "/tool/a\0x");

        Assert.Equal((XenstoreOperation.Watch, "OK\0"), await client.ReceiveTextAsync());
        Assert.Equal((XenstoreOperation.WatchEvent, "/tool\0t\0"), await client.ReceiveTextAsync());
        Assert.Equal((XenstoreOperation.WatchEvent, "/tool/a\0t\0"), await client.ReceiveTextAsync());
        Assert.Equal((XenstoreOperation.Write, "OK\0"), await client.ReceiveTextAsync());
    }

    [Fact]
    public async Task Identical_events_are_folded_while_they_wait()
    {
        await using var stage = new StoreStage();
        using RawPeer client = await RawPeer.ConnectAsync(stage.Store.SocketPath);
        await client.SendAsync(XenstoreOperation.Watch, 1, "/tool\0t\0");
        await client.ReceiveAsync();
        await client.ReceiveAsync();
        stage.Store.Freeze();
        foreach (string path in (string[])["/tool/a", "/tool/a", "/tool/b", "/tool/a"])
        {
            stage.Store.Write(path, "x");
        }

        await client.SendAsync(XenstoreOperation.Read, 2, "/tool/a\0");
        stage.Store.Thaw();

        Assert.Equal((XenstoreOperation.WatchEvent, "/tool/a\0t\0"), await client.ReceiveTextAsync());
        Assert.Equal((XenstoreOperation.WatchEvent, "/tool/b\0t\0"), await client.ReceiveTextAsync());
        Assert.Equal((XenstoreOperation.Read, "x"), await client.ReceiveTextAsync());
    }
}
