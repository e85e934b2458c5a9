using System.Globalization;
using HostBridge.Recovery;

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

/// <summary>What the child answers: <c>MAJOR:MINOR MICROSECONDS ok|ERROR</c>, one line each.</summary>
/// <param name="Device">The device.</param>
/// <param name="Took">How long it took.</param>
/// <param name="Failure">The name of the error or a few words; null when it was read.</param>
internal readonly record struct ReadAnswer(DeviceNumber Device, TimeSpan Took, string? Failure)
{
    private const string Success = "ok";

    /// <summary>Reads a line; null when it is none of ours.</summary>
    public static ReadAnswer? Parse(string line)
    {
        string[] parts = line.Split(' ', 3);
        return parts is [var number, var took, { Length: > 0 } result]
            && DeviceNumber.TryParse(number, out DeviceNumber device)
            && uint.TryParse(took, NumberStyles.None, CultureInfo.InvariantCulture, out uint microseconds)
                ? new ReadAnswer(device, TimeSpan.FromMicroseconds(microseconds), result == Success ? null : result)
                : null;
    }

    /// <summary>The line, without its end.</summary>
    public override string ToString()
        => string.Create(
            CultureInfo.InvariantCulture, $"{Device} {(uint)Took.TotalMicroseconds} {Failure ?? Success}");
}
