using System.CommandLine;
using System.Text;
using GuestAgent.Configuration;
using GuestAgent.Inquiries;
using GuestAgent.Linux;
using GuestAgent.Reporting;
using GuestAgent.Reporting.Carriers;
using Protocol.Health;

namespace GuestAgent;

/// <summary>
/// <c>guest-agent status</c> and <c>guest-agent probe [MOUNTPOINT]</c>: ask the agent that runs, print, and end with
/// the code that monitoring plugins use. Every code but 3 means that the agent itself answered.
/// </summary>
internal sealed class StatusCommand
{
    private const int Unknown = (int)Severity.Unknown;

    private readonly Option<bool> _asJson = new("--json") { Description = "the answer as one line of JSON" };

    private readonly Option<string> _folder = new("--status-directory")
    {
        Description = $"where the agent's socket lies (default: {AgentOptions.DefaultStatusDirectory})",
        HelpName = "DIR",
        DefaultValueFactory = _ => AgentOptions.DefaultStatusDirectory,
    };

    private readonly Argument<string?> _mountPoint = new("MOUNTPOINT")
    {
        Description = "the filesystem to probe; all that are watched when it is left out",
        Arity = ArgumentArity.ZeroOrOne,
    };

    /// <summary>Makes both commands.</summary>
    public StatusCommand()
    {
        Status = new Command("status", "Prints what the running agent holds true of each filesystem. "
            + "Exit code: 0 fine, 1 warning, 2 critical, 3 unknown or no agent.") { _asJson, _folder };
        Probe = new Command("probe", "Has the running agent write to the filesystems now, and prints what it met. "
            + "Exit code as for status.") { _asJson, _folder, _mountPoint };
        Status.SetAction(parsed => Ask(new Inquiry(InquiryKind.Status), parsed));
        Probe.SetAction(parsed => Ask(new Inquiry(InquiryKind.Probe, Meant(parsed)), parsed));
    }

    /// <summary>The command <c>status</c>.</summary>
    public Command Status { get; }

    /// <summary>The command <c>probe</c>.</summary>
    public Command Probe { get; }

    private MountPoint? Meant(ParseResult parsed)
        => parsed.GetValue(_mountPoint) is { } path ? MountPoint.FromText(WithoutLastSlash(path)) : null;

    private static string WithoutLastSlash(string path) => path.Length > 1 ? path.TrimEnd('/') : path;

    private int Ask(Inquiry inquiry, ParseResult parsed)
    {
        string folder = parsed.GetValue(_folder)!;
        bool asJson = parsed.GetValue(_asJson);
        if (AgentCall.TryAsk(folder, inquiry, out string trouble) is not { } answer)
        {
            return WithoutAgent(folder, trouble, showText: !asJson && inquiry.Kind == InquiryKind.Status);
        }

        if (StatusJson.TryRead(answer) is not { } document)
        {
            Console.Error.WriteLine("guest-agent: the running agent speaks another version; restart it");
            return Unknown;
        }

        if (asJson)
        {
            Console.Out.Write(Encoding.UTF8.GetString(answer));
        }

        switch (document.Error)
        {
            case InquiryError.NotWatched:
                Console.Error.WriteLine($"guest-agent: {inquiry.MountPoint} is no mount point that is watched; "
                    + "guest-agent status lists those that are");
                return Unknown;
            case InquiryError.NotUnderstood:
                Console.Error.WriteLine("guest-agent: the running agent does not know this question; restart it");
                return Unknown;
            default:
                break;
        }

        if (!asJson)
        {
            Console.Out.Write(StatusTable.Render(document, TimeProvider.System.GetUtcNow(), HasColours()));
        }

        return (int)document.Severity;
    }

    /// <summary>What the agent last wrote is shown for what it is: old words, on which no exit code stands.</summary>
    private static int WithoutAgent(string folder, string trouble, bool showText)
    {
        Console.Error.WriteLine($"guest-agent: {trouble}");
        if (showText && SmallFile.TryReadText($"{folder}/{StatusText.FileName}") is { } text)
        {
            Console.Out.WriteLine("unknown: what the agent wrote last follows");
            Console.Out.WriteLine(text);
        }

        return Unknown;
    }

    private static bool HasColours()
        => !Console.IsOutputRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
}
