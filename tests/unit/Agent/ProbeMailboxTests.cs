using GuestAgent.Detection;
using GuestAgent.Probing;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>Where a probe waits for the thread that makes it.</summary>
public sealed class ProbeMailboxTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly ProbeMailbox _mailbox = new();

    [Fact]
    public void A_newer_request_replaces_the_one_that_nobody_took()
    {
        _mailbox.Put(Request(1));
        _mailbox.Put(Request(2));
        Assert.Equal(2, _mailbox.Take()!.ProbeId);
        _mailbox.Put(Request(3));
        Assert.Equal(3, _mailbox.Take()!.ProbeId);
    }

    [Fact]
    public void What_was_put_in_before_the_end_is_still_taken()
    {
        _mailbox.Put(Request(1));
        _mailbox.Close();
        Assert.Equal(1, _mailbox.Take()!.ProbeId);
        Assert.Null(_mailbox.Take());
    }

    [Fact]
    public async Task Whoever_waits_gets_each_request_once_and_ends_with_the_newest()
    {
        const long last = 10_000;
        Task<List<long>> taker = Task.Run(() =>
        {
            var taken = new List<long>();
            do
            {
                taken.Add(_mailbox.Take()!.ProbeId);
            }
            while (taken[^1] != last);
            return taken;
        }, TestContext.Current.CancellationToken);
        for (long id = 1; id <= last; id++)
        {
            _mailbox.Put(Request(id));
        }

        List<long> taken = await taker.WaitAsync(Limit, TestContext.Current.CancellationToken);
        Assert.Equal(taken.Distinct().Order(), taken);
    }

    private static ProbeRequest Request(long id) => new(id, new DeviceNumber(7, 0), 30, []);
}
