using System.Text;
using Protocol.Health;
using static HostBridge.Recovery.RecoveryState;

namespace HostBridge.Recovery;

/// <summary>
/// The part that leaves word in the guest of what was done to it. A word that finds no boot that could read it waits
/// for the next one: its administrator wants to know after the restart.
/// </summary>
internal sealed partial class RecoveryTurn
{
    private void LeaveWord(RecoveryEnd end, string text, IncidentFacts facts)
    {
        if (facts is { RequestId.IsNone: false, Rung: { } rung } && ToMeans(rung) is { } means)
        {
            _guest = _guest with
            {
                Word = new GuestWordLeft(
                    new LastRecovery
                    {
                        Time = now.Wall,
                        Id = facts.RequestId,
                        Means = means,
                        End = end,
                        FsckExitCode = facts.FsckExitCode,
                        Reason = Printable(text),
                    },
                    _guest.CurrentBoot),
            };
            BringWord();
        }
    }

    /// <summary>
    /// Brings the word to the boot that runs. One of an act that was proved is brought then; one that an operator has
    /// to end is brought once more to the boot after it.
    /// </summary>
    private void BringWord()
    {
        if (_guest is not { Word: { } word, Domain: { } domain, IsHeard: true })
        {
            return;
        }

        bool isNextBoot = _guest.CurrentBoot != word.Boot;
        if (isNextBoot || !word.IsBrought)
        {
            _actions.Add(new RecoveryAction.LeaveWord(domain, word.Recovery));
            bool isDone = isNextBoot || word.Recovery.End == RecoveryEnd.Proved;
            _guest = _guest with { Word = isDone ? null : word with { IsBrought = true } };
        }
    }

    private static RecoveryMeans? ToMeans(Rung rung) => rung switch
    {
        Rung.Remount => RecoveryMeans.Remount,
        Rung.Repair => RecoveryMeans.Repair,
        Rung.Reboot => RecoveryMeans.Reboot,
        Rung.Recreate => RecoveryMeans.Recreate,
        _ => null,
    };

    private static string Printable(string text)
    {
        var printable = new StringBuilder();
        foreach (char letter in text.AsSpan(0, Math.Min(text.Length, LastRecovery.MaxReasonBytes)))
        {
            printable.Append(letter is >= ' ' and <= '~' ? letter : '?');
        }

        return printable.ToString();
    }
}
