using System.Buffers;
using System.Text;
using MessagePack;
using Protocol.Health;
using Protocol.Xenstore;

namespace Protocol.Channel;

/// <content>
/// Reading. Whoever sends it chooses every byte: a length is held against its limit before anything is allocated, and
/// nothing is skipped, as skipping what is nested recurses as deep as the sender likes.
/// </content>
public static partial class ChannelCodec
{
    private const int MaxWordBytes = 64;

    /// <summary>The most bytes of one filesystem in a report.</summary>
    private const int MaxFilesystemBytes = 4096;

    /// <summary>
    /// Reads a message. Null when anything a decision would stand on is absent or malformed, when it is of a kind that
    /// is not known here, or of a newer schema; evidence of unknown kinds is left out.
    /// </summary>
    public static ChannelMessage? TryDecode(ReadOnlyMemory<byte> message)
    {
        if (message.Length > ChannelLimits.MaxMessageBytes)
        {
            return null;
        }

        try
        {
            var reader = new MessagePackReader(message);
            int fields = reader.ReadArrayHeader() - 2;
            if (fields < 0 || reader.ReadInt32() is < 1 or > GuestReport.CurrentSchema)
            {
                return null;
            }

            return (MessageKind)reader.ReadInt32() switch
            {
                MessageKind.Report when fields >= 4 => ReadReport(ref reader, fields - 4),
                MessageKind.Heartbeat when fields >= 3 => ReadHeartbeat(ref reader),
                MessageKind.Outcome when fields >= 7 => ReadOutcome(ref reader),
                MessageKind.Request when fields >= 6 => ReadRequest(ref reader),
                MessageKind.NoRequest => new ChannelMessage.NoRequest(),
                _ => null,
            };
        }
        catch (Exception failure) when (IsMalformed(failure))
        {
            return null;
        }
    }

    private static ChannelMessage.Report? ReadReport(ref MessagePackReader reader, int more)
    {
        string boot = Text(ref reader, MaxWordBytes);
        long sequence = reader.ReadInt64();
        string version = Text(ref reader, MaxWordBytes);
        int count = reader.ReadInt32();
        if (!BootId.TryParse(boot, out BootId bootId) || sequence < 1 || !ReportCodec.IsVersion(version)
            || count is < 0 or > ReportCodec.MaxFilesystemCount)
        {
            return null;
        }

        var filesystems = new List<FilesystemHealth>();
        var mountPoints = new HashSet<MountPoint>();
        int unreadable = 0;
        int listed = Math.Min(count, GuestReport.MaxFilesystems);
        if (more < listed)
        {
            return null;
        }

        for (int i = 0; i < listed; i++)
        {
            if (ReadFilesystem(ref reader) is not { } health)
            {
                unreadable++;
            }
            else if (!mountPoints.Add(health.MountPoint))
            {
                return null;
            }
            else
            {
                filesystems.Add(health);
            }
        }

        if ((unreadable > 0 && filesystems.Count == 0)
            || filesystems.Count(one => one.Role == FilesystemRole.Root) > 1)
        {
            return null;
        }

        return new ChannelMessage.Report(new GuestReport
        {
            BootId = bootId,
            Sequence = sequence,
            AgentVersion = version,
            State = GuestState.Of(filesystems, DateTimeOffset.UnixEpoch),
            Filesystems = filesystems,
            FilesystemCount = count,
            UnreadableLines = unreadable,
            // Where there is none nothing stands behind the filesystems.
            HasFsckHook = more > listed && reader.ReadBoolean(),
        });
    }

    /// <summary>Every origin there is takes less.</summary>
    private const int MaxOriginBytes = 256;

    /// <summary>One filesystem; null when it is not understood, which leaves the others readable.</summary>
    private static FilesystemHealth? ReadFilesystem(ref MessagePackReader outer)
    {
        if (outer.ReadBytes() is not { Length: <= MaxFilesystemBytes } bytes)
        {
            throw new MessagePackSerializationException("a filesystem is too long");
        }

        try
        {
            var reader = new MessagePackReader(bytes);
            int fields = reader.ReadArrayHeader();
            if (fields < FirstFilesystemFields)
            {
                return null;
            }

            string mount = Text(ref reader, MountPoint.MaxEncodedLength);
            string device = Text(ref reader, MaxWordBytes);
            string type = Text(ref reader, MaxWordBytes);
            bool isRoot = reader.ReadBoolean();
            string word = Text(ref reader, MaxWordBytes);
            bool hidden = reader.ReadBoolean();
            bool claimsReadOnly = reader.ReadBoolean();
            DateTimeOffset? since = Time(reader.ReadInt64());
            DateTimeOffset? lossSince = reader.TryReadNil() ? null : Time(reader.ReadInt64());
            if (!MountPoint.TryParse(mount, out MountPoint mountPoint) || !ReportCodec.IsName(device)
                || !ReportCodec.IsName(type) || !VerdictName.TryParse(word, out Verdict verdict) || since is null)
            {
                return null;
            }

            var health = new FilesystemHealth
            {
                MountPoint = mountPoint,
                Device = device,
                FilesystemType = type,
                Role = isRoot ? FilesystemRole.Root : FilesystemRole.Data,
                Verdict = verdict,
                Hidden = hidden,
                Claims = claimsReadOnly ? MountClaim.Ro : MountClaim.Rw,
                Since = since.Value,
                DataLossSince = lossSince,
                Evidence = ReadEvidence(ref reader),
            };
            return fields < FilesystemFields ? health : health with
            {
                Why = VerdictReasonName.TryParse(Text(ref reader, MaxWordBytes), out VerdictReason why) ? why : null,
                Origins = ReportCodec.ParseOrigins(Text(ref reader, MaxOriginBytes)),
                BootCheck = BootCheckName.TryParse(Text(ref reader, MaxWordBytes), out BootCheck check)
                    ? check
                    : BootCheck.NotKnown,
                BootCheckWhy = BootCheckReasonName.TryParse(Text(ref reader, MaxWordBytes), out BootCheckReason whyNot)
                    ? whyNot
                    : null,
            };
        }
        catch (Exception failure) when (IsMalformed(failure))
        {
            return null;
        }
    }

    private static List<Evidence> ReadEvidence(ref MessagePackReader reader)
    {
        var evidence = new List<Evidence>();
        int facts = Math.Min(reader.ReadArrayHeader() / 2, FilesystemHealth.MaxEvidence);
        for (int i = 0; i < facts; i++)
        {
            string word = Text(ref reader, MaxWordBytes);
            string detail = Text(ref reader, ReportCodec.MaxDetailBytes);
            if (EvidenceKindName.TryParse(word, out EvidenceKind kind))
            {
                evidence.Add(new Evidence(kind, detail));
            }
        }

        return evidence;
    }

    private static ChannelMessage.Heartbeat? ReadHeartbeat(ref MessagePackReader reader)
    {
        string boot = Text(ref reader, MaxWordBytes);
        long sequence = reader.ReadInt64();
        long uptimeSeconds = reader.ReadInt64();
        return BootId.TryParse(boot, out BootId bootId) && sequence >= 1 && uptimeSeconds >= 0
            ? new ChannelMessage.Heartbeat(bootId, sequence, uptimeSeconds)
            : null;
    }

    private static ChannelMessage.Outcome? ReadOutcome(ref MessagePackReader reader)
    {
        string id = Text(ref reader, MaxWordBytes);
        string boot = Text(ref reader, MaxWordBytes);
        string status = Text(ref reader, MaxWordBytes);
        string reason = Text(ref reader, MaxWordBytes);
        int? exitCode = reader.TryReadNil() ? null : reader.ReadInt32();
        string probe = Text(ref reader, RequestCodec.MaxProbeBytes);
        string detail = Text(ref reader, RequestCodec.MaxDetailBytes);
        if (!RequestId.TryParse(id, out RequestId requestId) || !BootId.TryParse(boot, out BootId bootId)
            || !RequestWords.Statuses.TryParse(status, out RequestStatus howFar)
            || !RequestWords.Reasons.TryParse(reason, out OutcomeReason why)
            || exitCode is < 0 or > RequestCodec.MaxExitCode)
        {
            return null;
        }

        return new ChannelMessage.Outcome(new RequestOutcome
        {
            Id = requestId,
            BootId = bootId,
            Status = howFar,
            Reason = why,
            Probe = probe,
            Detail = detail,
            FsckExitCode = exitCode,
        });
    }

    private static ChannelMessage.Request? ReadRequest(ref MessagePackReader reader)
    {
        string id = Text(ref reader, MaxWordBytes);
        string boot = Text(ref reader, MaxWordBytes);
        long sequence = reader.ReadInt64();
        string mount = Text(ref reader, MountPoint.MaxEncodedLength);
        string word = Text(ref reader, MaxWordBytes);
        int lifetimeSeconds = reader.ReadInt32();
        return RequestId.TryParse(id, out RequestId requestId) && BootId.TryParse(boot, out BootId bootId)
            && sequence >= 0 && MountPoint.TryParse(mount, out MountPoint filesystem)
            && RequestWords.Actions.TryParse(word, out RequestAction action)
            && lifetimeSeconds is >= 1 and <= GuestRequest.MaxLifetimeSeconds
                ? new ChannelMessage.Request(new GuestRequest
                {
                    Id = requestId,
                    BootId = bootId,
                    ReportSequence = sequence,
                    Filesystem = filesystem,
                    Action = action,
                    LifetimeSeconds = lifetimeSeconds,
                })
                : null;
    }

    /// <summary>
    /// What the reader throws at bytes that are no message; the last for a text whose length is beyond the end.
    /// </summary>
    private static bool IsMalformed(Exception failure)
        => failure is MessagePackSerializationException or EndOfStreamException or OverflowException
            or ArgumentOutOfRangeException;

    private static string Text(ref MessagePackReader reader, int maxBytes)
        => reader.ReadStringSequence() is { } bytes && bytes.Length <= maxBytes
            ? Encoding.UTF8.GetString(bytes)
            : throw new MessagePackSerializationException("a text is absent or too long");

    /// <summary>A time between 1970 and 9999; null for any other.</summary>
    private static DateTimeOffset? Time(long unixMilliseconds)
        => unixMilliseconds is >= 0 and <= 253_402_300_799_999
            ? DateTimeOffset.FromUnixTimeMilliseconds(unixMilliseconds)
            : null;
}
