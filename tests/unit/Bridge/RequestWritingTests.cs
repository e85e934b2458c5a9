using HostBridge.Guests;
using HostBridge.Recovery;
using Microsoft.Extensions.Time.Testing;
using Protocol.Health;
using Protocol.Xenstore;
using Protocol.Xenstore.Client;
using Tests.Unit.Xenstore;
using Xunit;
using static Tests.Unit.Xenstore.StoreStage;

namespace Tests.Unit.Bridge;

/// <summary>How a request is written while xenstored is away, by the clock of who writes it.</summary>
public sealed class RequestWritingTests : IAsyncDisposable
{
    private static readonly GuestIdentity Guest = new(Guid.Parse("6f0c2a52-6f43-4d0f-9e0a-0f4a7c1a1d01"), "guest");
    private static readonly DomainId Domain = new(3);

    private readonly StoreStage _stage = new();
    private readonly FakeTimeProvider _time = new();

    public ValueTask DisposeAsync() => _stage.DisposeAsync();

    [Fact]
    public async Task A_request_is_tried_again_until_xenstored_is_back()
    {
        (XenstoreClient client, EventReader events, Task<string?> sent) = await SendIntoNothingAsync(seconds: 10);

        _stage.Store.Restart();
        await events.UntilAsync<XenstoreEvent.Connected>();
        await WriteVmAsync(client);
        await PassAsync(seconds: 20, sent);
        Assert.Null(await sent.WaitAsync(Patience, Cancellation));
        Assert.StartsWith(
            "id=reboot-1 ", await client.ReadTextAsync(GuestKeys.Absolute(Domain.Value, GuestKeys.Request)));
    }

    [Fact]
    public async Task After_half_a_minute_it_is_said_why_a_request_could_not_be_written()
    {
        (_, _, Task<string?> sent) = await SendIntoNothingAsync(seconds: 29);
        await PassAsync(seconds: 10, sent);
        Assert.Contains("xenstore", await sent.WaitAsync(Patience, Cancellation));
    }

    /// <summary>Sends a request while xenstored is away; after so many seconds it is still tried.</summary>
    private async Task<(XenstoreClient Client, EventReader Events, Task<string?> Sent)> SendIntoNothingAsync(int seconds)
    {
        (XenstoreClient client, EventReader events) = await _stage.ConnectAsync();
        await WriteVmAsync(client);
        _stage.Store.Kill();
        await events.UntilAsync<XenstoreEvent.Disconnected>();
        Task<string?> sent = SendAsync(client);
        await PassAsync(seconds, sent);
        Assert.False(sent.IsCompleted);
        return (client, events, sent);
    }

    private static async Task WriteVmAsync(XenstoreClient client)
        => Assert.Equal(
            XenstoreError.None,
            await client.WriteTextAsync(GuestKeys.Absolute(Domain.Value, "vm"), $"/vm/{Guest.Uuid:D}"));

    private Task<string?> SendAsync(XenstoreClient client) => new GuestRequests(client, _time).SendAsync(
        Guest,
        Domain,
        new GuestRequest
        {
            Id = RequestId.TryParse("reboot-1", out RequestId id) ? id : default,
            BootId = BootId.TryParse("d3467059-f298-493a-a30c-41eb852597ea", out BootId boot) ? boot : default,
            ReportSequence = 5,
            Filesystem = MountPoint.Root,
            Action = RequestAction.Reboot,
            LifetimeSeconds = 60,
        },
        Cancellation);

    /// <summary>Seconds pass one by one; each leaves what waits a moment to go on.</summary>
    private async Task PassAsync(int seconds, Task until)
    {
        for (int second = 0; second < seconds && !until.IsCompleted; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(TimeSpan.FromMilliseconds(20), Cancellation);
        }
    }
}
