using GuestAgent.Detection;
using Protocol.Health;
using Protocol.Kernel;
using Xunit;

namespace Tests.Unit.Agent;

/// <summary>A mount point that another mount covers: no probe can be made, and the kernel's words decide.</summary>
public sealed class CoveredMountTests
{
    private readonly AgentStage _stage = new AgentStage().With(AgentStage.Ext("/", 1)).With(AgentStage.Ext("/srv", 2)).Start();

    [Theory]
    [InlineData(KernelLineKind.JournalAborted, Verdict.JournalAborted)]
    [InlineData(KernelLineKind.ShutDown, Verdict.ShutDown)]
    [InlineData(KernelLineKind.RemountedReadOnly, Verdict.RemountedReadOnly)]
    public void A_kernel_line_decides(KernelLineKind kind, Verdict verdict)
    {
        _stage.Pass(5);
        Cover();
        _stage.Kernel(kind, 2);
        _stage.Pass(60);
        Assert.Equal((verdict, null), (_stage.Health(2).Verdict, _stage.Health(2).Why));
        Assert.True(_stage.Health(2).Hidden);
    }

    [Theory]
    [InlineData("rw,emergency_ro", Verdict.JournalAborted)]
    [InlineData("rw,shutdown", Verdict.ShutDown)]
    public void The_state_of_the_superblock_decides(string options, Verdict verdict)
    {
        Cover(options);
        _stage.Pass(60);
        Assert.Equal(verdict, _stage.Health(2).Verdict);
    }

    [Fact]
    public void A_line_from_before_it_was_covered_still_counts()
    {
        _stage.Kernel(KernelLineKind.JournalAborted, 2);
        Cover();
        Assert.Equal(Verdict.JournalAborted, _stage.Health(2).Verdict);
    }

    [Fact]
    public void Without_a_word_of_the_kernel_it_is_unknown_and_not_probed()
    {
        _stage.Pass(5);
        Assert.Equal(Verdict.Writable, _stage.Health(2).Verdict);
        Cover();
        int before = _stage.Probes;
        _stage.ProbesMeet(1, "never");
        _stage.Pass(300);
        Assert.Equal((Verdict.Unknown, VerdictReason.MountCovered), (_stage.Health(2).Verdict, _stage.Health(2).Why));
        Assert.InRange(_stage.Probes - before, 0, 1);
    }

    [Fact]
    public void It_is_probed_again_when_the_cover_is_gone()
    {
        Cover();
        _stage.Pass(60);
        _stage.With(AgentStage.Ext("/srv", 2)).ReadMounts();
        _stage.Pass(20);
        Assert.Equal(Verdict.Writable, _stage.Health(2).Verdict);
    }

    private void Cover(string super = "rw")
    {
        _stage.With(AgentStage.Ext("/srv", 2, super: super) with { IsCovered = true });
        _stage.ReadMounts();
    }
}
