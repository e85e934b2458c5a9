using System.Text;
using Protocol.Health;
using Protocol.Xenstore;
using Testbed.Demo;
using Testbed.Toolstack;
using Testbed.Xenstore;
using BridgeProcess = Testbed.Demo.HostBridge;

namespace Tests.Integration.Healing;

/// <summary>
/// Kills the bridge at one moment of a recovery, from within whatever that moment consists of: the store's write, the
/// toolstack's command, the end of the domain. Each set trap closes once.
/// </summary>
internal sealed class BridgeTrap
{
    private readonly string _folder;
    private readonly string _bridgeIdFile;
    private readonly Lock _gate = new();
    private BridgeProcess? _bridge;
    private KillMoment? _moment;
    private int _firstDomain;

    /// <param name="folder">A folder for what the toolstack's command looks at.</param>
    public BridgeTrap(string folder)
    {
        _folder = folder;
        _bridgeIdFile = Path.Combine(folder, "bridge-id");
    }

    /// <summary>
    /// Writes the toolstack's command: that of the testbed, with places before and after it at which the bridge is
    /// killed where a file asks for it.
    /// </summary>
    public void WriteCommand(string script, string socketPath)
    {
        string inner = $"{script}-itself";
        TestbedToolstack.WriteCommand(inner, socketPath);
        File.WriteAllText(
            script,
            $$"""
            #!/bin/sh
            kill_at() {
                rm "{{_folder}}/$1" 2>/dev/null || return 1
                kill -KILL "$(cat "{{_bridgeIdFile}}")"
            }
            if kill_at "before-$1"; then exit 1; fi
            '{{inner}}' "$@"
            code=$?
            kill_at "after-$1"
            exit $code

            """);
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>The bridge that is killed, from now on.</summary>
    public void Watch(BridgeProcess bridge)
    {
        lock (_gate)
        {
            _bridge = bridge;
            File.WriteAllText(_bridgeIdFile, $"{bridge.ProcessId}\n");
        }
    }

    /// <summary>Sets the trap.</summary>
    /// <param name="moment">When it closes.</param>
    /// <param name="firstDomain">The domain that runs now; another one is the new boot.</param>
    public void Set(KillMoment moment, int firstDomain)
    {
        lock (_gate)
        {
            _moment = moment;
            _firstDomain = firstDomain;
        }

        string? place = moment switch
        {
            KillMoment.BeforeArming => "before-force-fsck",
            KillMoment.AfterArming => "after-force-fsck",
            KillMoment.BeforeCheckRead => "before-fsck-result",
            KillMoment.AfterCheckRead => "after-fsck-result",
            _ => null,
        };
        if (place is not null)
        {
            File.WriteAllText(Path.Combine(_folder, place), string.Empty);
        }
    }

    /// <summary>Takes what the toolstack tells of the domain.</summary>
    public void Take(string toolstackWords)
    {
        if (toolstackWords.Contains(" ended: ", StringComparison.Ordinal))
        {
            Close(KillMoment.OldBootEnded);
        }
    }

    /// <summary>Takes an entry of the bridge's story.</summary>
    public void Take(Incident incident)
    {
        if (incident.Kind == "intent")
        {
            Close(KillMoment.IntentSeen);
        }
    }

    /// <summary>Takes a change of xenstore, before its writer has the reply.</summary>
    public void Take(XenstoreChange change)
    {
        if (change.Value is not { } value)
        {
            return;
        }

        bool isFirst = change.Path.StartsWith(GuestKeys.Absolute(_firstDomain, string.Empty), StringComparison.Ordinal);
        byte[] line = Encoding.Latin1.GetBytes(value);
        if (change.Path.EndsWith($"/{GuestKeys.Request}", StringComparison.Ordinal)
            && RequestCodec.TryParseRequest(line) is { } request)
        {
            Take(request, isFirst);
        }
        else if (change.Path.EndsWith($"/{GuestKeys.Outcome}", StringComparison.Ordinal)
            && RequestCodec.TryParseOutcome(line) is { } outcome)
        {
            Take(outcome, isFirst);
        }
        else if (!isFirst && change.Path.EndsWith($"/{GuestKeys.Filesystem(0)}", StringComparison.Ordinal))
        {
            Close(KillMoment.NewBootReported);
        }
    }

    private void Take(GuestRequest request, bool isFirst)
    {
        if (request.Action != RequestAction.Probe)
        {
            Close(KillMoment.RequestWritten);
        }
        else if (!isFirst)
        {
            Close(KillMoment.ProbeWritten);
        }
    }

    private void Take(RequestOutcome outcome, bool isFirst)
    {
        if (outcome.Status == RequestStatus.Accepted)
        {
            Close(KillMoment.RequestAccepted);
        }
        else if (outcome.Status == RequestStatus.Done && !isFirst)
        {
            Close(KillMoment.ProbeAnswered);
        }
        else if (outcome is { Status: RequestStatus.Done, FsckExitCode: not null })
        {
            Close(KillMoment.RepairDone);
        }
    }

    private void Close(KillMoment moment)
    {
        lock (_gate)
        {
            if (_moment == moment)
            {
                _moment = null;
                _bridge?.Kill();
            }
        }
    }
}
