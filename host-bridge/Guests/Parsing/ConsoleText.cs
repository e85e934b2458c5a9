using System.Text;
using System.Text.RegularExpressions;
using HostBridge.Recovery;
using Protocol.Channel;
using Protocol.Health;
using Protocol.Kernel;

namespace HostBridge.Guests.Parsing;

/// <summary>
/// Cuts what a console wrote into lines and understands those of the kernel. Pure; the guest chooses every byte of it.
/// </summary>
internal sealed partial class ConsoleText
{
    /// <summary>The kernel's own limit of a line (LOG_LINE_MAX); the rest of a longer one is left out.</summary>
    private const int MaxLineBytes = 1024;

    private const int MaxSignLength = 200;

    private readonly byte[] _line = new byte[MaxLineBytes];
    private int _size;
    private bool _isLeftOut;

    /// <summary>Takes the next bytes; what they show, in their order.</summary>
    public IReadOnlyList<ConsoleSign> Take(ReadOnlySpan<byte> bytes)
    {
        var signs = new List<ConsoleSign>();
        foreach (byte letter in bytes)
        {
            if (letter is (byte)'\n' or (byte)'\r')
            {
                if (!_isLeftOut && Understand(_line.AsSpan(0, _size)) is { } sign)
                {
                    signs.Add(sign);
                }

                (_size, _isLeftOut) = (0, false);
            }
            else if (_size < MaxLineBytes)
            {
                _line[_size++] = letter;
            }
        }

        return signs;
    }

    /// <summary>What comes next does not follow what came before.</summary>
    /// <param name="isWithinLine">Whether it begins somewhere within a line, which is left out.</param>
    public void Interrupt(bool isWithinLine) => (_size, _isLeftOut) = (0, isWithinLine);

    /// <summary>What a line shows; null when nothing of interest.</summary>
    public static ConsoleSign? Understand(ReadOnlySpan<byte> line)
    {
        string text = Prefix().Replace(Escapes().Replace(Encoding.Latin1.GetString(line), string.Empty), string.Empty);
        if (text.StartsWith("Linux version ", StringComparison.Ordinal))
        {
            return new ConsoleSign.Booted();
        }

        if (LastResortLine.TryParse(text) is { Filesystem.Health.Verdict: var verdict })
        {
            return new ConsoleSign.Fault(KindOf(verdict), Printable(text));
        }

        return FilesystemLines.Understand(text) is { Kind: var kind } && IsBad(kind)
            ? new ConsoleSign.Fault(kind, Printable(text))
            : null;
    }

    /// <summary>What the kernel would print of what an agent holds true.</summary>
    private static KernelLineKind KindOf(Verdict verdict) => verdict switch
    {
        Verdict.JournalAborted => KernelLineKind.JournalAborted,
        Verdict.ShutDown => KernelLineKind.ShutDown,
        Verdict.RemountedReadOnly => KernelLineKind.RemountedReadOnly,
        Verdict.FlushDisabled => KernelLineKind.FlushDisabled,
        Verdict.DeviceFailing => KernelLineKind.DeviceError,
        Verdict.Hung => KernelLineKind.TaskHung,
        _ => KernelLineKind.FilesystemError,
    };

    private static bool IsBad(KernelLineKind kind)
        => kind is not (KernelLineKind.Mounted or KernelLineKind.Remounted or KernelLineKind.FlushEnabled
            or KernelLineKind.FlushAbsent or KernelLineKind.DeviceAttached);

    private static string Printable(string text)
        => string.Concat(text.Take(MaxSignLength).Select(letter => letter is >= ' ' and <= '~' ? letter : '?'));

    // Colours of the terminal, and any other control sequence.
    [GeneratedRegex(@"\x1b(?:\[[0-9;?]*[A-Za-z]|[@-Z\\-_])")]
    private static partial Regex Escapes();

    // What may stand before a message, in this order: xenconsoled's time "[2026-11-24 03:34:45] "; the level "<4>"; syslog's
    // time, host and "kernel:"; the time of dmesg -T; a prompt that the kernel wrote behind; the kernel's time and its
    // caller "[   12.345678] [    T1] ".
    [GeneratedRegex(@"^(?:\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] )?(?:<\d{1,3}>)?(?:(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.,+Z-]{8,32}) \S{1,64} kernel: )?(?:\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}\] )?(?:(?:\S{1,64} login: |Password: |\S{0,64}[#$>] ?)?\[ *\d+\.\d+\](?: ?\[ *[TC]\d+\])? ?)?(?:<\d{1,3}>)?(?:\[ *[TC]\d+\] )?")]
    private static partial Regex Prefix();
}
