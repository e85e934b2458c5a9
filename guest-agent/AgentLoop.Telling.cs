using GuestAgent.Detection;
using GuestAgent.Reporting;
using GuestAgent.Requests;
using Protocol.Channel;
using Protocol.Health;
using Protocol.Xenstore;

namespace GuestAgent;

/// <content>What is told, and over what.</content>
internal sealed partial class AgentLoop
{
    private void TellRefusal(AgentInput.KeyWritten written)
    {
        bool isNews = _mirror.Refused == 0 && !_mirror.IsOverQuota;
        if (isNews && written.Error is not (XenstoreError.None or XenstoreError.ENOENT))
        {
            _effects.Add(new AgentEffect.TellWarning(
                $"xenstore refuses {written.Path} ({written.Error}); the least important nodes are left out, "
                + "and tried again every minute"));
        }
    }

    private void TellWatchRefusal(XenstoreError error)
    {
        if (!_watchRefusalTold)
        {
            _watchRefusalTold = true;
            _effects.Add(new AgentEffect.TellWarning(
                $"xenstore refuses the watch for {GuestKeys.Control} ({error}); the host's requests are looked for "
                + "once a minute; see which tool of this guest holds its watches"));
        }
    }

    private void TellChanges(Detector before)
    {
        foreach (WatchedFilesystem one in Detector.Filesystems.Values)
        {
            Verdict was = before.Filesystems.TryGetValue(one.Device, out WatchedFilesystem? earlier)
                ? earlier.Health.Verdict
                : Verdict.Unknown;
            if (was != one.Health.Verdict)
            {
                _effects.Add(new AgentEffect.TellVerdict(one.Health, was));
            }
        }

        if (_desk.Outcome is { } outcome && outcome != _toldOutcome)
        {
            _toldOutcome = outcome;
            GuestRequest? request = _inbox.Waiting is { } waiting && waiting.Id == outcome.Id ? waiting : null;
            _effects.Add(new AgentEffect.TellOutcome(outcome, OutcomeText.Of(outcome, request)));
        }

        if (_recoveries.TakeNews() is { } recovery)
        {
            _effects.Add(new AgentEffect.TellRecovery(recovery));
        }
    }

    private void Publish(Moment now)
    {
        IReadOnlyList<FilesystemHealth> healths = Detector.Healths;
        _isWithheld = Detector.Filesystems.Values.Any(one => one.Mount.IsProbed
            && one.Health is { Verdict: Verdict.Unknown, Evidence.Count: 0 });
        if (_isWithheld)
        {
            // The first probes are on their way: the first report is the truth, not "unknown".
            return;
        }

        GuestReport report = _composer.Compose(healths, now.WallClock);
        var nodes = new List<KeyValuePair<string, string?>>();
        if (_desk.Outcome is { } outcome)
        {
            nodes.Add(new(GuestKeys.Outcome, RequestCodec.ToLine(outcome)));
            Offer(ChannelTopic.Outcome, new ChannelMessage.Outcome(outcome));
        }

        Offer(ChannelTopic.Report, new ChannelMessage.Report(report));
        bool beats = _heartbeat.Beats(now);
        if (beats)
        {
            long uptimeSeconds = (long)now.SinceBoot.TotalSeconds;
            _heartbeatText = ReportCodec.Heartbeat(report.Sequence, uptimeSeconds);
            Offer(ChannelTopic.Heartbeat, new ChannelMessage.Heartbeat(report.BootId, report.Sequence, uptimeSeconds));
        }

        nodes.AddRange(_composer.ToNodes(report, _heartbeatText, _mirror.IsOverQuota));
        _mirror.Want(nodes);
        if (_carrierTrouble is null)
        {
            _effects.AddRange(_mirror.TakeWrites(now).Select(one => new AgentEffect.WriteKey(one.Path, one.Value)));
        }

        if (_lastResort.Say(report, IsDelivered(report), now) is { } line)
        {
            _effects.Add(new AgentEffect.TellKernelLog(line));
        }

        WriteStatus(report, _carrierTrouble ?? LinkAnswers, beats, now);
    }

    /// <summary>When it changed, and with each heartbeat: whoever reads it must see whether anybody still writes it.</summary>
    private void WriteStatus(GuestReport report, string carrier, bool beats, Moment now)
    {
        if (beats || _statusOf != (report, carrier, _channelState))
        {
            _statusOf = (report, carrier, _channelState);
            _effects.Add(new AgentEffect.WriteStatus(
                StatusText.Of(report, carrier, _channelState, now)
                    + StatusText.ConfigurationLine(_inquiries.ConfigurationTrouble)));
        }
    }

    private void Offer(ChannelTopic topic, ChannelMessage message)
    {
        if (_channel.IsNew(topic, message))
        {
            _effects.Add(new AgentEffect.OfferOverChannel(topic, message));
        }
    }

    /// <summary>Whether a carrier has brought the report to the host: its summary and its worst filesystem.</summary>
    private bool IsDelivered(GuestReport report)
        => _channel.HasReport(report)
            || (_carrierTrouble is null && _mirror.AreConfirmed([GuestKeys.State, GuestKeys.Filesystem(0)]));
}
