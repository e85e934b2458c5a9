using CsCheck;
using Protocol.Xenstore;
using Xunit;

namespace Tests.Unit.Xenstore;

/// <summary>Paths and permissions.</summary>
public sealed class PathTests
{
    [Theory]
    [InlineData("/")]
    [InlineData("/local/domain/0")]
    [InlineData("data/guest-agent/filesystem/0")]
    [InlineData("@releaseDomain")]
    [InlineData("a_b-C@9")]
    public void These_keep_the_rules(string path) => Assert.Null(XenstorePath.Problem(path));

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("//", "two slashes")]
    [InlineData("/a//b", "two slashes in a row")]
    [InlineData("/a/", "ends with a slash")]
    [InlineData("a b", "a%20b holds a character other than")]
    [InlineData("a.b", "holds a character")]
    [InlineData("a\0", "a%00 holds a character")]
    [InlineData("ä", "holds a character")]
    public void These_do_not_and_a_person_is_told_why(string path, string reason)
    {
        Assert.False(XenstorePath.IsValid(path));
        Assert.Contains(reason, XenstorePath.Problem(path), StringComparison.Ordinal);
    }

    [Fact]
    public void The_limits_hold_to_the_character()
    {
        Assert.True(XenstorePath.IsValid("/" + new string('a', 3071)));
        Assert.False(XenstorePath.IsValid("/" + new string('a', 3072)));
        Assert.True(XenstorePath.IsValid(new string('a', 2048)));
        Assert.False(XenstorePath.IsValid(new string('a', 2049)));
        Assert.Contains("has 2049 characters", XenstorePath.Problem(new string('a', 2049)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/a/b", "/a", true)]
    [InlineData("/a", "/a", true)]
    [InlineData("/ab", "/a", false)]
    [InlineData("/a", "/a/b", false)]
    [InlineData("/a", "/", true)]
    [InlineData("@releaseDomain", "/", false)]
    public void What_lies_below_is_known(string path, string folder, bool expected)
        => Assert.Equal(expected, XenstorePath.IsAtOrBelow(path, folder));

    [Fact]
    public void Permissions_come_back_as_they_were()
        => Gen.Select(Gen.Enum<XenstoreAccess>(), Gen.Int[0, 65535]).Sample((access, domainId) =>
        {
            var permission = new XenstorePermission(access, domainId);
            return XenstorePermission.TryParse(permission.ToString(), out XenstorePermission read)
                && read == permission;
        });

    [Theory]
    [InlineData("")]
    [InlineData("n")]
    [InlineData("5")]
    [InlineData("x5")]
    [InlineData("N5")]
    [InlineData("n-1")]
    [InlineData("n+1")]
    [InlineData("n 1")]
    [InlineData("n65536")]
    [InlineData("n99999999999999999999")]
    public void These_are_no_permissions(string text) => Assert.False(XenstorePermission.TryParse(text, out _));
}
