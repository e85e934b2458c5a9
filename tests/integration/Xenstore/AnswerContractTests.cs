using System.Globalization;
using Protocol.Xenstore;
using Testbed.Xenstore;
using Xunit;

namespace Tests.Integration.Xenstore;

/// <summary>What every request is answered, and what every wrong one.</summary>
public sealed class AnswerContractTests
{
    [Theory]
    [InlineData(DaemonKind.Embedded)]
    [InlineData(DaemonKind.Real)]
    public Task Explore(DaemonKind kind) => HoldsAsync(kind, """
        0 Write /tool/a/b|value => OK|
        0 Read /tool/a/b| => value
        0 Read /tool/a| =>
        0 Read / =>
        0 Read /| =>
        0 Read /tool/a/b =>
        0 Read /tool/a/b|more| =>
        0 Read  =>
        0 Read /none| =>
        0 Read /tool/none/none| =>
        0 Read /a//b| =>
        0 Read /a/| =>
        0 Read tool/a/b| =>
        0 Read @releaseDomain| =>
        0 Read /a:b| =>
        0 Write /tool/x =>
        0 Write /tool/x| =>
        0 Write /| =>
        0 Write @releaseDomain|x =>
        0 Write @none|x =>
        0 Write tool|x =>
        0 MakeDirectory /tool/a/b| =>
        0 Read /tool/a/b| =>
        0 MakeDirectory /tool/new/deep| =>
        0 MakeDirectory /| =>
        0 MakeDirectory /tool/new/deep|x =>
        0 Directory /tool| =>
        0 Directory /tool/none| =>
        0 Directory /tool/a/b| =>
        0 Directory /tool =>
        0 Directory @releaseDomain| =>
        0 DirectoryPart /tool| =>
        0 DirectoryPart /tool|many| =>
        0 DirectoryPart /tool|-1| =>
        0 DirectoryPart /none|0| =>
        0 Remove /tool/x| =>
        0 Remove /tool/x| =>
        0 Remove /tool/x/y| =>
        0 Remove /| =>
        0 Remove /tool =>
        0 Remove @releaseDomain| =>
        0 GetPermissions /tool| =>
        0 GetPermissions /none| =>
        0 GetPermissions @releaseDomain| =>
        0 GetPermissions @introduceDomain| =>
        0 GetPermissions @none| =>
        0 SetPermissions /tool/a|n3|r4| =>
        0 GetPermissions /tool/a| =>
        0 Write /tool/a/new|x =>
        0 GetPermissions /tool/a/new| =>
        0 GetPermissions /tool/a/b| =>
        0 SetPermissions /tool/a|x0| =>
        0 SetPermissions /tool/a| =>
        0 SetPermissions /tool/a|n0|r1|r2|r3|r4|r5|r6| =>
        0 SetPermissions /none|n0| =>
        0 SetPermissions @releaseDomain|n0|r5| =>
        0 GetPermissions @releaseDomain| =>
        0 Watch /tool| =>
        0 Watch /tool|t =>
        0 Watch /tool|t|x| =>
        0 Watch /a//b|t| =>
        0 Watch tool|t| =>
        0 Watch @none|t| =>
        0 Watch /none/none|t| =>
        0 Watch /none/none|t| =>
        0 Unwatch /none/none| =>
        0 Unwatch /none/none|t| =>
        0 Unwatch /none/none|t| =>
        0 Unwatch /a//b|t| =>
        0 GetDomainPath 9| =>
        0 GetDomainPath many| =>
        0 GetDomainPath  =>
        0 GetDomainPath 70000| =>
        0 IsDomainIntroduced 5| =>
        0 IsDomainIntroduced 0| =>
        0 IsDomainIntroduced 9| =>
        0 IsDomainIntroduced many| =>
        0 IsDomainIntroduced  =>
        0 WatchEvent /tool|t| =>
        0 Error EINVAL| =>
        0 4711 x| =>
        0 20 x| =>
        0 GetFeature 5| =>
        5 Read domid| =>
        5 Read /local/domain/5/name| =>
        5 Read ./domid| =>
        5 Read control/none| =>
        5 Read control/none/none| =>
        5 Read data/none| =>
        5 Read /local/domain/6/name| =>
        5 Read /local/domain/7/name| =>
        5 Read /tool| =>
        5 Read /none| =>
        5 Read /vm| =>
        5 Read /local/domain| =>
        5 Directory | =>
        5 Directory control| =>
        5 Directory data| =>
        5 Directory /local/domain| =>
        5 Directory /| =>
        5 Write data/guest-agent/state|ok =>
        5 GetPermissions data/guest-agent| =>
        5 GetPermissions data/guest-agent/state| =>
        5 GetPermissions name| =>
        5 GetPermissions control| =>
        5 GetPermissions /tool| =>
        5 Write control/guest-agent/request|x =>
        5 Write name|x =>
        5 Write control/shutdown| =>
        5 Write new|x =>
        5 Write /local/domain/6/data/x|x =>
        5 MakeDirectory name| =>
        5 MakeDirectory new| =>
        5 MakeDirectory data/dir| =>
        5 Remove name| =>
        5 Remove none| =>
        5 Remove control/shutdown| =>
        5 Remove data/none| =>
        5 Remove data/none/none| =>
        5 Remove /local/domain/6/data| =>
        5 Remove data| =>
        5 Write data/x|x =>
        5 SetPermissions attr|n5|r7| =>
        5 SetPermissions attr|n7| =>
        5 SetPermissions attr|n5|r1|r2|r3|r4| =>
        5 SetPermissions attr|n5|r1|r2|r3|r4|r6| =>
        5 SetPermissions name|n0| =>
        5 SetPermissions name|n5| =>
        5 SetPermissions none|n5| =>
        5 SetPermissions attr/none|n5| =>
        0 Write /local/domain/5/device/x|x => OK|
        0 SetPermissions /local/domain/5/device/x|b0| => OK|
        5 SetPermissions device/x|b0| =>
        5 SetPermissions device/x|n5| =>
        5 Write device/x|y =>
        5 Write device/x/y|y =>
        5 GetPermissions device/x/y| =>
        0 Write /local/domain/5/control/secret|x => OK|
        0 SetPermissions /local/domain/5/control/secret|n0| => OK|
        5 Read control/secret| =>
        5 Read control/secret/x| =>
        5 Write control/secret|x =>
        5 IsDomainIntroduced 5| =>
        5 GetDomainPath 5| =>
        5 GetDomainPath 6| =>
        5 Introduce 7|1|1| =>
        5 Release 6| =>
        5 Resume 6| =>
        5 SetTarget 5|6| =>
        5 Control help| =>
        5 SetPermissions @releaseDomain|n5| =>
        5 GetPermissions @releaseDomain| =>
        5 GetPermissions @introduceDomain| =>
        5 Watch @releaseDomain|t| =>
        5 Watch @introduceDomain|t| =>
        5 Watch /local/domain/6|t| =>
        5 Watch /local/domain/6/none|t| =>
        5 Watch /tool|t| =>
        5 Read /local/domain/5| =>
        5 Read domid/| =>
        """);

    /// <summary>
    /// Lines of <c>DOMAIN OPERATION PAYLOAD =&gt; ANSWER</c>, where <c>|</c> stands for a NUL, asked one by one.
    /// </summary>
    private static async Task HoldsAsync(DaemonKind kind, string script)
    {
        await using ContractStage stage = await ContractStage.StartAsync(kind);
        var clients = new Dictionary<int, RawXenstoreClient>();
        var answered = new List<string>();
        foreach (string line in script.Split('\n'))
        {
            string asked = line[..line.IndexOf(" =>", StringComparison.Ordinal)];
            string[] parts = asked.Split(' ', 3);
            int domainId = int.Parse(parts[0], CultureInfo.InvariantCulture);
            if (!clients.TryGetValue(domainId, out RawXenstoreClient? client))
            {
                client = stage.Raw(domainId);
                clients.Add(domainId, client);
            }

            string answer = client.Ask(Enum.Parse<XenstoreOperation>(parts[1]), parts[2].Replace('|', '\0'));
            answered.Add($"{asked} => {answer.Replace('\0', '|')}".TrimEnd());
        }

        File.WriteAllLines("/tmp/rs-" + kind, answered);
    }
}
