using System.Globalization;
using HostBridge.Recovery;
using HostBridge.Storage.Judging;

namespace HostBridge.Storage.Parsing;

/// <summary>What the bridge asks its reading child: <c>MAJOR:MINOR NAME</c>, one line each.</summary>
/// <param name="Device">The device.</param>
/// <param name="Name">The kernel's name of it.</param>
internal readonly record struct ReadRequest(DeviceNumber Device, string Name)
{
    /// <summary>Reads a line; null when it is none of ours.</summary>
    public static ReadRequest? Parse(string line)
    {
        string[] parts = line.Split(' ');
        return parts is [var number, { Length: > 0 } name] && DeviceNumber.TryParse(number, out DeviceNumber device)
            ? new ReadRequest(device, name)
            : null;
    }

    /// <summary>The line, without its end.</summary>
    public override string ToString() => $"{Device} {Name}";
}

/// <summary>
/// What the child answers: <c>MAJOR:MINOR MICROSECONDS read|failed|not-made [REASON]</c>, one line each.
/// </summary>
/// <param name="Device">The device.</param>
/// <param name="Took">How long it took.</param>
/// <param name="Result">How it ended.</param>
/// <param name="Reason">Why it failed or was not made; empty when it succeeded.</param>
internal readonly record struct ReadAnswer(DeviceNumber Device, TimeSpan Took, ReadResult Result, string Reason)
{
    /// <summary>The words on the wire, in the order of <see cref="ReadResult"/>.</summary>
    private static readonly string[] Words = ["read", "failed", "not-made"];

    /// <summary>Reads a line; null when it is none of ours.</summary>
    public static ReadAnswer? Parse(string line)
    {
        string[] parts = line.Split(' ', 4);
        return parts is [var number, var took, var word, ..]
            && DeviceNumber.TryParse(number, out DeviceNumber device)
            && uint.TryParse(took, NumberStyles.None, CultureInfo.InvariantCulture, out uint microseconds)
            && Array.IndexOf(Words, word) is >= 0 and var result
                ? new ReadAnswer(
                    device,
                    TimeSpan.FromMicroseconds(microseconds),
                    (ReadResult)result,
                    parts.ElementAtOrDefault(3) ?? string.Empty)
                : null;
    }

    /// <summary>The line, without its end.</summary>
    public override string ToString()
        => string.Create(
            CultureInfo.InvariantCulture, $"{Device} {(uint)Took.TotalMicroseconds} {Words[(int)Result]} {Reason}");
}
