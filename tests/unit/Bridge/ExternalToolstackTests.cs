using System.Diagnostics;
using HostBridge.Recovery;
using HostBridge.Toolstacks;
using Xunit;
using static Tests.Unit.Bridge.BridgeStory;

namespace Tests.Unit.Bridge;

/// <summary>An administrator's command, as real small scripts.</summary>
public sealed class ExternalToolstackTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("host-bridge-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private ExternalToolstack Script(string body, double limitSeconds = 20)
    {
        string path = Path.Combine(_directory, "toolstack");
        File.WriteAllText(path, $"#!/bin/sh\n{body}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return new ExternalToolstack(path, TimeSpan.FromSeconds(limitSeconds));
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_command_that_works_arms_the_check_of_the_guest_it_is_told()
    {
        string told = Path.Combine(_directory, "told");
        ExternalToolstack toolstack = Script($"echo \"$#:$1:$2\" > {told}");
        Assert.Equal(new ArmingAnswer(ArmingResult.Armed, string.Empty),
            await toolstack.ArmForcedFsckAsync(Guest(), Cancellation));
        Assert.Equal($"2:force-fsck:{Guest().Uuid:D}\n", await File.ReadAllTextAsync(told, Cancellation));
    }

    [Theory]
    [InlineData("echo 1", 1)]
    [InlineData("echo 0", 0)]
    [InlineData("echo unknown", null)]
    [InlineData("echo 1 2", null)]
    [InlineData("echo -1", null)]
    [InlineData("echo 256", null)]
    [InlineData("echo 1; exit 3", null)]
    [InlineData("true", null)]
    public async Task A_result_is_a_number_or_unknown(string body, int? expected)
        => Assert.Equal(expected, await Script(body).ReadFsckResultAsync(Guest(), Cancellation));

    [Fact]
    public async Task A_command_that_fails_is_quoted_in_printable_words()
    {
        ArmingAnswer answer = await Script("printf 'no such\\033[2J guest' >&2; exit 3")
            .ArmForcedFsckAsync(Guest(), Cancellation);
        Assert.Equal(ArmingResult.Failed, answer.Result);
        Assert.EndsWith("it ended with exit code 3: no such\\x1b[2J guest", answer.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_that_hangs_is_ended_by_its_pid()
    {
        string pidFile = Path.Combine(_directory, "pid");
        ArmingAnswer answer = await Script($"echo $$ > {pidFile}; exec sleep 600", limitSeconds: 0.5)
            .ArmForcedFsckAsync(Guest(), Cancellation);
        Assert.Equal(ArmingResult.Failed, answer.Result);
        Assert.Contains("did not end within 0.5 s", answer.Reason);
        int pid = int.Parse(await File.ReadAllTextAsync(pidFile, Cancellation),
            System.Globalization.CultureInfo.InvariantCulture);
        Assert.True(SpinWait.SpinUntil(() => HasEnded(pid), TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public async Task A_command_that_floods_is_ended()
    {
        ArmingAnswer answer = await Script("exec yes").ArmForcedFsckAsync(Guest(), Cancellation);
        Assert.Contains("wrote more than 4096 bytes", answer.Reason);
    }

    [Fact]
    public async Task A_command_that_is_not_there_is_told()
    {
        var toolstack = new ExternalToolstack(Path.Combine(_directory, "none"), TimeSpan.FromSeconds(5));
        Assert.Contains("cannot be run", (await toolstack.ArmForcedFsckAsync(Guest(), Cancellation)).Reason);
    }

    [Fact]
    public async Task Without_a_command_nothing_can_be_armed()
    {
        Assert.Equal(ArmingResult.Unavailable, (await new NoToolstack().ArmForcedFsckAsync(Guest(), Cancellation))
            .Result);
        Assert.Null(await new NoToolstack().ReadFsckResultAsync(Guest(), Cancellation));
    }

    private static bool HasEnded(int pid)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            return process.HasExited;
        }
        catch (ArgumentException)
        {
            return true;
        }
    }
}
