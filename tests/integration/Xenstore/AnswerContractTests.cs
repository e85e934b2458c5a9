using System.Globalization;
using Protocol.Xenstore;
using Testbed.Xenstore;
using Xunit;

namespace Tests.Integration.Xenstore;

/// <summary>What every request is answered, and what every wrong one.</summary>
/// <remarks>
/// Each line is <c>DOMAIN OPERATION PAYLOAD =&gt; ANSWER</c>; <c>|</c> stands for a NUL. The answer <c>an error</c>
/// is for payloads where the C daemon sends the left-over of an earlier errno.
/// </remarks>
public sealed class AnswerContractTests
{
    private const string AnyError = "an error";

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public Task Values_are_read_and_written(DaemonKind kind) => HoldsAsync(kind, """
        0 Write /test/a/b|value => OK|
        0 Read /test/a/b| => value
        0 Read /test/a| =>
        0 Read /| =>
        0 Write /test/a/b| => OK|
        0 Read /test/a/b| =>
        0 Write /test/a/b|a|b| => OK|
        0 Read /test/a/b| => a|b|
        0 Write relative/x|x => OK|
        0 Read /local/domain/0/relative/x| => x
        0 Read relative/x| => x
        0 Read /none| => ENOENT
        0 Read /test/none/none| => ENOENT
        0 Read /a//b| => EINVAL
        0 Read /a/| => EINVAL
        0 Read /a:b| => EINVAL
        0 Read ./a| => EINVAL
        0 Read @releaseDomain| => EINVAL
        0 Read /test => an error
        0 Read /test|more| => an error
        0 Read  => an error
        0 Write /| => OK|
        0 Write /test => EINVAL
        0 Write @releaseDomain|x => EINVAL
        0 Write @none|x => EINVAL
        """);

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public Task Nodes_are_made_listed_and_removed(DaemonKind kind) => HoldsAsync(kind, """
        0 MakeDirectory /test/new/deep| => OK|
        0 MakeDirectory /test/new/deep| => OK|
        0 Write /test/x|value => OK|
        0 MakeDirectory /test/x| => OK|
        0 Read /test/x| => value
        0 MakeDirectory /| => OK|
        0 MakeDirectory /test|x => an error
        0 Directory /test| => new|x|
        0 Directory /test/x| =>
        0 Directory /test/none| => ENOENT
        0 Directory @releaseDomain| => EINVAL
        0 Directory /test => an error
        0 DirectoryPart /test| => EINVAL
        0 DirectoryPart /none|0| => ENOENT
        0 Remove /test/x| => OK|
        0 Remove /test/x| => OK|
        0 Remove /test/x/y| => ENOENT
        0 Remove /test/new| => OK|
        0 Read /test/new/deep| => ENOENT
        0 Directory /test| =>
        0 Remove /| => EINVAL
        0 Remove /test => an error
        0 Remove @releaseDomain| => EINVAL
        """);

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public Task Permissions_are_read_and_set(DaemonKind kind) => HoldsAsync(kind, """
        0 Write /test/a/b|value => OK|
        0 GetPermissions /test/a| => n0|
        0 SetPermissions /test/a|n5|r6| => OK|
        0 GetPermissions /test/a| => n5|r6|
        0 GetPermissions /test/a/b| => n0|
        0 Write /test/a/new/below|x => OK|
        0 GetPermissions /test/a/new| => n5|r6|
        0 GetPermissions /test/a/new/below| => n5|r6|
        0 SetPermissions /test/a|n0|w5|b6| => OK|
        0 GetPermissions /test/a| => n0|w5|b6|
        0 SetPermissions /test/a|n0|r1|r2|r3|r4|r5|r6| => OK|
        0 GetPermissions /test/a| => n0|r1|r2|r3|r4|r5|r6|
        0 SetPermissions /test/a|n9| => ENOENT
        0 SetPermissions /test/a|x0| => EINVAL
        0 SetPermissions /test/a| => EINVAL
        0 SetPermissions /none|n0| => ENOENT
        0 SetPermissions /a//b|n0| => EINVAL
        0 GetPermissions /none| => ENOENT
        0 GetPermissions /a//b| => EINVAL
        0 SetPermissions @releaseDomain|n0|r5| => OK|
        0 GetPermissions @releaseDomain| => EINVAL
        0 GetPermissions @none| => EINVAL
        """);

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public Task Watches_are_set_once_and_taken_back(DaemonKind kind) => HoldsAsync(kind, """
        0 Watch /test/none|t| => OK|
        0 Watch /test/none|t| => EEXIST
        0 Watch /test/none|other| => OK|
        0 Watch relative|t| => OK|
        0 Watch @releaseDomain|t| => OK|
        0 Watch @none|t| => OK|
        0 Watch /test| => EINVAL
        0 Watch /test|t => EINVAL
        0 Watch /test|t|x| => EINVAL
        0 Watch /a//b|t| => EINVAL
        0 Unwatch /test/none|t| => OK|
        0 Unwatch /test/none|t| => ENOENT
        0 Unwatch /test/none| => EINVAL
        0 Unwatch /a//b|t| => ENOENT
        0 Unwatch relative|t| => OK|
        0 Unwatch @releaseDomain|t| => OK|
        """);

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public Task Domains_are_known_by_their_numbers(DaemonKind kind) => HoldsAsync(kind, """
        0 GetDomainPath 5| => /local/domain/5|
        0 GetDomainPath 9| => /local/domain/9|
        0 GetDomainPath  => EINVAL
        0 IsDomainIntroduced 0| => T|
        0 IsDomainIntroduced 5| => T|
        0 IsDomainIntroduced 9| => F|
        0 IsDomainIntroduced  => EINVAL
        5 GetDomainPath 5| => /local/domain/5|
        5 GetDomainPath 6| => /local/domain/6|
        5 IsDomainIntroduced 5| => EACCES
        0 Directory /local/domain| => 5|6|
        0 WatchEvent /test|t| => ENOSYS
        0 Error EINVAL| => ENOSYS
        0 4711 x| => ENOSYS
        0 20 x| => ENOSYS
        5 4711 x| => ENOSYS
        """);

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public Task A_guest_reads_and_writes_what_libxl_allows_and_nothing_else(DaemonKind kind) => HoldsAsync(kind, """
        5 Read domid| => 5
        5 Read /local/domain/5/name| => guest-5
        5 Read /local/domain/5| =>
        5 Read domid/| => EINVAL
        5 Read control/none| => ENOENT
        5 Read control/none/none| => ENOENT
        5 Read data/none| => ENOENT
        5 Read /local/domain/6/name| => EACCES
        5 Read /local/domain/7/name| => EACCES
        5 Read /local/domain| => EACCES
        5 Read /vm| => EACCES
        5 Read /vm/00000000-0000-4000-8000-000000000005/name| => guest-5
        5 Read /none| => EACCES
        5 Directory /| => EACCES
        5 Directory control| => shutdown|sysrq|feature-poweroff|feature-reboot|feature-suspend|
        5 Directory data| =>
        5 Write data/guest-agent/state|ok => OK|
        5 Read data/guest-agent/state| => ok
        0 Read /local/domain/5/data/guest-agent/state| => ok
        5 GetPermissions data/guest-agent| => n5|
        5 GetPermissions name| => n0|r5|
        5 Write control/guest-agent/request|x => EACCES
        5 Write control/shutdown| => OK|
        5 Write name|x => EACCES
        5 Write new|x => EACCES
        5 Write /local/domain/6/data/x|x => EACCES
        5 MakeDirectory name| => EACCES
        5 MakeDirectory new| => EACCES
        5 MakeDirectory data/dir| => OK|
        5 Remove name| => EACCES
        5 Remove none| => EACCES
        5 Remove /local/domain/6/data| => EACCES
        5 Remove data/none| => OK|
        5 Remove data/none/none| => ENOENT
        5 Remove data| => OK|
        5 Write data/x|x => EACCES
        0 Write /local/domain/5/control/secret|x => OK|
        0 SetPermissions /local/domain/5/control/secret|n0| => OK|
        5 Read control/secret| => EACCES
        5 Read control/secret/x| => EACCES
        5 Write control/secret|x => EACCES
        0 SetPermissions /local/domain/5/control/secret|n0|w5| => OK|
        5 Read control/secret| => EACCES
        5 Write control/secret|x => OK|
        """);

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public Task Only_the_owner_sets_permissions_and_only_Dom0_the_owner(DaemonKind kind) => HoldsAsync(kind, """
        5 SetPermissions attr|n5|r6| => OK|
        5 GetPermissions attr| => n5|r6|
        6 Directory /local/domain/5/attr| =>
        5 SetPermissions attr|n6| => EPERM
        5 SetPermissions attr|n9| => ENOENT
        5 SetPermissions attr|n5|r1|r2|r3|r4| => OK|
        5 SetPermissions attr|n5|r1|r2|r3|r4|r6| => ENOSPC
        5 SetPermissions name|n0| => EACCES
        5 SetPermissions name|n5| => EACCES
        5 SetPermissions none|n5| => EACCES
        5 SetPermissions attr/none|n5| => ENOENT
        0 Write /local/domain/5/device/x|x => OK|
        0 SetPermissions /local/domain/5/device/x|b0| => OK|
        5 SetPermissions device/x|b0| => EACCES
        5 SetPermissions device/x|n5| => EACCES
        5 Write device/x|y => OK|
        5 Write device/x/y|y => OK|
        5 GetPermissions device/x/y| => b5|
        5 SetPermissions @releaseDomain|n5| => an error
        """);

    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public Task What_belongs_to_the_toolstack_is_refused_to_a_guest(DaemonKind kind) => HoldsAsync(kind, """
        5 Introduce 7|1|1| => EACCES
        5 Release 6| => EACCES
        5 Resume 6| => EACCES
        5 SetTarget 5|6| => EACCES
        5 Control help| => EACCES
        5 Watch @releaseDomain|t| => OK|
        5 Watch @introduceDomain|t| => OK|
        5 Watch /local/domain/6/none|t| => OK|
        """);

    /// <summary>Asks line by line; all answers must be as written.</summary>
    private static async Task HoldsAsync(DaemonKind kind, string script)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        var clients = new Dictionary<int, RawXenstoreClient>();
        var answered = new List<string>();
        foreach (string line in script.Split('\n'))
        {
            string[] sides = line.Split(" =>", 2);
            string[] parts = sides[0].Split(' ', 3);
            int domainId = int.Parse(parts[0], CultureInfo.InvariantCulture);
            if (!clients.TryGetValue(domainId, out RawXenstoreClient? client))
            {
                client = stage.Raw(domainId);
                clients.Add(domainId, client);
            }

            string answer = client.Ask(Enum.Parse<XenstoreOperation>(parts[1]), parts[2].Replace('|', '\0'));
            bool isError = Enum.TryParse(answer, out XenstoreError error) && error != XenstoreError.None;
            string shown = isError && sides[1] == $" {AnyError}" ? AnyError : answer.Replace('\0', '|');
            answered.Add($"{sides[0]} => {shown}".TrimEnd());
        }

        Assert.Equal(script, string.Join('\n', answered));
    }
}
