using Protocol.Configuration;
using Xunit;

namespace Tests.Unit.Configuration;

/// <summary>Values as people write them, the order of files, and what somebody meant who mistyped a key.</summary>
public sealed class ValueTests
{
    [Theory]
    [InlineData("30", 30, "30s")]
    [InlineData("30s", 30, "30s")]
    [InlineData("5min", 300, "5min")]
    [InlineData("5 m", 300, "5min")]
    [InlineData("1h 30min", 5400, "1h 30min")]
    [InlineData("1.5h", 5400, "1h 30min")]
    [InlineData("2hours1sec", 7201, "2h 1s")]
    [InlineData("1w", 604800, "7d")]
    [InlineData("500ms", 0.5, "500ms")]
    [InlineData("0", 0, "0s")]
    public void Spans_are_read_as_systemd_writes_them(string text, double seconds, string written)
    {
        Assert.True(SpanText.TryParse(text, out TimeSpan span));
        Assert.Equal(TimeSpan.FromSeconds(seconds), span);
        Assert.Equal(written, SpanText.Write(span));
    }

    [Theory]
    [InlineData("")]
    [InlineData("soon")]
    [InlineData("-5s")]
    [InlineData("5 fortnights")]
    [InlineData("1M")]
    [InlineData("1y")]
    [InlineData("h")]
    [InlineData("1h,5min")]
    [InlineData("1..5h")]
    [InlineData("99999999999999999999s")]
    [InlineData("999999999999w")]
    [InlineData("3650d 1s")]
    public void What_is_no_span_is_refused(string text) => Assert.False(SpanText.TryParse(text, out _));

    [Theory]
    [InlineData("moed", "mode")]
    [InlineData("Mode", "mode")]
    [InlineData("stable-second", "stable-seconds")]
    [InlineData("budget-window", null)]
    [InlineData("x", null)]
    [InlineData("", null)]
    public void The_nearest_word_is_found_where_one_is_near(string word, string? near)
        => Assert.Equal(near, NearestWord.Of(word, ["mode", "stable-seconds", "recovery-budget-window"]));

    [Fact]
    public void Files_of_the_administrator_take_the_place_of_those_of_the_vendor_by_name()
    {
        ConfigurationPlaces places = ConfigurationPlaces.Of("p");
        var folders = new Dictionary<string, string[]>
        {
            ["/usr/lib/p"] = ["z.conf", "p.conf", "a.conf", "p", "b.conf~", ".c.conf"],
            ["/etc/p"] = ["p.conf", "a.conf", "other"],
            ["/usr/lib/p/p.conf.d"] = ["20.conf", "10.conf", "B.conf"],
            ["/etc/p/p.conf.d"] = ["30.conf", "10.conf", "15.conf.rpmsave"],
        };
        IReadOnlyCollection<string> NamesIn(string folder) => folders.GetValueOrDefault(folder, []);
        Assert.Equal(
            [
                "/usr/lib/p/a.conf", "/usr/lib/p/z.conf", "/etc/p/p.conf", "/etc/p/p.conf.d/10.conf",
                "/usr/lib/p/p.conf.d/20.conf", "/etc/p/p.conf.d/30.conf", "/usr/lib/p/p.conf.d/B.conf",
            ],
            ConfigurationLayers.Order(places, NamesIn));
        folders["/etc/p"] = [];
        Assert.Contains("/usr/lib/p/p.conf", ConfigurationLayers.Order(places, NamesIn));
        Assert.Equal(
            ["/etc/p/p.conf", "/etc/p/p.conf.d/10.conf", "/etc/p/p.conf.d/30.conf"],
            ConfigurationLayers.Order("/etc/p/p.conf", NamesIn));
    }
}
