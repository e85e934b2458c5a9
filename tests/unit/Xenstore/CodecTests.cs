using System.Text;
using CsCheck;
using Protocol.Health;
using Protocol.Xenstore;
using Xunit;

namespace Tests.Unit.Xenstore;

/// <summary>The lines of reports, requests and outcomes.</summary>
public sealed class CodecTests
{
    private const string BootText = "0f5a2b6c-1111-4222-8333-444455556666";

    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, 123, TimeSpan.Zero);

    private static BootId Boot => BootId.TryParse(BootText, out BootId boot) ? boot : default;

    private static readonly Gen<string> AnyText = Gen.String[Gen.Char[(char)1, 'ÿ'], 0, 20];

    private static readonly Gen<FilesystemHealth> AnyHealth = Gen.Select(
        Gen.Byte[1, 255].Array[0, 40],
        Gen.Enum<Verdict>(),
        Gen.Bool,
        Gen.Select(Gen.Enum<EvidenceKind>(), AnyText).Array[0, 4],
        Gen.Int[0, 1_000_000]).Select((path, verdict, hidden, evidence, seconds) => new FilesystemHealth
        {
            MountPoint = MountPoint.FromBytes([(byte)'/', .. path]),
            Device = "xvda1",
            FilesystemType = "ext3",
            Role = hidden ? FilesystemRole.Root : FilesystemRole.Data,
            Verdict = verdict,
            Since = Noon.AddSeconds(seconds),
            Claims = hidden ? MountClaim.Rw : MountClaim.Ro,
            Hidden = hidden,
            DataLossSince = seconds % 2 == 0 ? Noon : null,
            Evidence = [.. evidence.Select(one => new Evidence(one.Item1, one.Item2))],
        });

    [Fact]
    public void A_filesystem_comes_back_as_it_was()
        => AnyHealth.Sample(health =>
        {
            string line = ReportCodec.ToLine(health, Boot, sequence: 7);
            ReportedFilesystem? read = ReportCodec.TryParseLine(Encoding.ASCII.GetBytes(line));
            return read is not null && read.BootId == Boot && read.Sequence == 7 && read.Health.SaysTheSameAs(health);
        });

    [Fact]
    public void A_filesystem_line_never_exceeds_the_limit_and_is_printable()
    {
        FilesystemHealth health = Example() with
        {
            MountPoint = MountPoint.FromBytes([(byte)'/', .. Enumerable.Repeat((byte)0xff, 170)]),
            Evidence = [.. Enumerable.Repeat(new Evidence(EvidenceKind.KernelLine, new string('\n', 500)), 20)],
        };

        byte[] line = Encoding.ASCII.GetBytes(ReportCodec.ToLine(health, Boot, long.MaxValue));

        Assert.InRange(line.Length, 1, FieldLine.MaxLength);
        Assert.DoesNotContain(line, one => one is < 0x20 or > 0x7e);
        Assert.Equal(health.MountPoint, ReportCodec.TryParseLine(line)!.Health.MountPoint);
    }

    [Fact]
    public void Unknown_trailing_fields_and_kinds_of_evidence_are_ignored()
    {
        string line = ReportCodec.ToLine(Example(), Boot, 1) + ",from-the-future:x new-field=1";

        ReportedFilesystem read = ReportCodec.TryParseLine(Encoding.ASCII.GetBytes(line))!;

        Assert.True(read.Health.SaysTheSameAs(Example()));
    }

    [Theory]
    [InlineData("mount=/", "mount=%2F")]
    [InlineData("mount=/", "mount=/a%41")]
    [InlineData("mount=/", "mount=/a%2fb")]
    [InlineData("mount=/", "mount=/a%00b")]
    [InlineData("mount=/", "mount=/a%2")]
    [InlineData("mount=/", "mount=data")]
    [InlineData("verdict=journal-aborted", "verdict=JournalAborted")]
    [InlineData("seq=1", "seq=0")]
    [InlineData("seq=1", "seq=99999999999999999999")]
    [InlineData("boot=0f", "boot=0F")]
    [InlineData("hidden=yes", "hidden=maybe")]
    [InlineData("role=root", "role=admin")]
    [InlineData("device=xvda", "device=../xvda")]
    [InlineData("since=2026", "since=26")]
    [InlineData("claims=rw ", "")]
    [InlineData("claims=rw", "claims=rw claims=rw")]
    public void A_changed_field_makes_the_line_unreadable(string good, string bad)
    {
        string line = ReportCodec.ToLine(Example(), Boot, 1);
        Assert.Contains(good, line, StringComparison.Ordinal);

        string changed = line.Replace(good, bad, StringComparison.Ordinal);

        Assert.Null(ReportCodec.TryParseLine(Encoding.ASCII.GetBytes(changed)));
    }

    [Fact]
    public void A_request_comes_back_as_it_was()
        => Gen.Select(Gen.Enum<RequestAction>(), Gen.Long[0, long.MaxValue], Gen.Int[1, 3600])
            .Sample((action, sequence, lifetime) =>
            {
                GuestRequest request = ExampleRequest() with
                {
                    Action = action,
                    ReportSequence = sequence,
                    LifetimeSeconds = lifetime,
                };
                return request == RequestCodec.TryParseRequest(Encoding.ASCII.GetBytes(RequestCodec.ToLine(request)));
            });

    [Theory]
    [InlineData("id=", "id=UPPER")]
    [InlineData("lifetime=60", "lifetime=0")]
    [InlineData("lifetime=60", "lifetime=3601")]
    [InlineData("action=reboot", "action=destroy")]
    [InlineData("filesystem=/", "filesystem=%2f")]
    [InlineData("seq=5", "seq=-1")]
    public void A_changed_request_is_unreadable(string good, string bad)
    {
        string line = RequestCodec.ToLine(ExampleRequest());
        Assert.NotNull(RequestCodec.TryParseRequest(Encoding.ASCII.GetBytes(line + " more=1")));

        string changed = line.Replace(good, bad, StringComparison.Ordinal);

        Assert.NotEqual(line, changed);
        Assert.Null(RequestCodec.TryParseRequest(Encoding.ASCII.GetBytes(changed)));
    }

    [Fact]
    public void An_outcome_comes_back_as_it_was()
        => Gen.Select(Gen.Enum<RequestStatus>(), Gen.Enum<OutcomeReason>(), AnyText, Gen.Int[-1, 255])
            .Sample((status, reason, detail, exitCode) =>
            {
                var outcome = new RequestOutcome
                {
                    Id = ExampleRequest().Id,
                    BootId = Boot,
                    Status = status,
                    Reason = reason,
                    Detail = detail,
                    Probe = "EROFS",
                    FsckExitCode = exitCode < 0 ? null : exitCode,
                };
                return outcome == RequestCodec.TryParseOutcome(Encoding.ASCII.GetBytes(RequestCodec.ToLine(outcome)));
            });

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("=a")]
    [InlineData("a=1 a=2")]
    [InlineData("a=1  b=2")]
    [InlineData(" a=1")]
    [InlineData("a=1\n")]
    [InlineData("a=\u007f")]
    public void These_are_no_lines(string text) => Assert.Null(FieldLine.TryParse(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void A_line_is_limited_in_length_and_fields()
    {
        Assert.NotNull(FieldLine.TryParse(Encoding.ASCII.GetBytes("a=" + new string('x', 1022))));
        Assert.Null(FieldLine.TryParse(Encoding.ASCII.GetBytes("a=" + new string('x', 1023))));
        Assert.NotNull(FieldLine.TryParse(Fields(32)));
        Assert.Null(FieldLine.TryParse(Fields(33)));

        static byte[] Fields(int count)
            => Encoding.ASCII.GetBytes(string.Join(' ', Enumerable.Range(0, count).Select(i => $"f{i}=1")));
    }

    [Fact]
    public void Damaged_lines_never_throw()
    {
        byte[][] lines =
        [
            [],
            Encoding.ASCII.GetBytes(ReportCodec.ToLine(Example(), Boot, 1)),
            Encoding.ASCII.GetBytes(RequestCodec.ToLine(ExampleRequest())),
        ];
        Gen<(int, byte)> change = Gen.Select(Gen.Int[0, 250], Gen.Byte);
        Gen.Select(Gen.OneOfConst(lines), change.Array[0, 5], Gen.Byte.Array[0, 30]).Sample((line, changes, tail) =>
        {
            byte[] damaged = [.. line, .. tail];
            foreach ((int at, byte value) in changes.Where(one => one.Item1 < damaged.Length))
            {
                damaged[at] = value;
            }

            ReportCodec.TryParseLine(damaged);
            RequestCodec.TryParseRequest(damaged);
            RequestCodec.TryParseOutcome(damaged);
            return true;
        });
    }

    [Fact]
    public void Any_bytes_survive_percent_encoding_and_have_one_spelling()
        => Gen.Byte.Array[0, 50].Sample(bytes =>
        {
            string encoded = PercentEncoding.Encode(bytes);
            return encoded.All(letter => letter is > ' ' and <= '~')
                && PercentEncoding.TryDecode(encoded, out byte[] decoded)
                && decoded.AsSpan().SequenceEqual(bytes);
        });

    [Fact]
    public void A_report_is_few_nodes_with_the_most_important_first()
    {
        var report = new GuestReport
        {
            BootId = Boot,
            Sequence = 3,
            AgentVersion = "1.2.3",
            State = new GuestState(Verdict.JournalAborted, Hidden: true, Noon),
            Filesystems = [.. Enumerable.Repeat(Example(), 20)],
            FilesystemCount = 20,
        };

        IReadOnlyList<KeyValuePair<string, string>> nodes = 
            ReportCodec.ToNodes(report, _ => 3, "seq=3 uptime=9", isQuotaExceeded: false);

        string folder = GuestKeys.Filesystems + "/";
        Assert.Equal(
            GuestReport.MaxFilesystems,
            nodes.Count(node => node.Key.StartsWith(folder, StringComparison.Ordinal)));
        Assert.Equal([GuestKeys.Schema, GuestKeys.BootId, GuestKeys.State], nodes.Take(3).Select(node => node.Key));
        Assert.Equal("critical journal-aborted hidden", nodes[2].Value);
        Assert.All(nodes, node => Assert.True(XenstorePath.IsValid(node.Key)));
        Assert.All(nodes, node => Assert.InRange(node.Value.Length, 1, FieldLine.MaxLength));
    }

    [Fact]
    public void Why_origin_and_boot_check_survive_the_wire()
    {
        FilesystemHealth health = Example() with
        {
            Verdict = Verdict.ReadOnlyByDesign,
            Why = VerdictReason.ReadOnlySubvolume,
            Origins = [DiskOrigin.Vbd, DiskOrigin.NvmeFabrics],
            BootCheck = BootCheck.NotChecked,
        };

        string line = ReportCodec.ToLine(health, Boot, 3);

        Assert.Contains(
            " why=read-only-subvolume origin=vbd,nvme-fabrics boot-check=not-checked ", line, StringComparison.Ordinal);
        Assert.True(ReportCodec.TryParseLine(Encoding.ASCII.GetBytes(line))!.Health.SaysTheSameAs(health));
    }

    [Fact]
    public void Words_of_a_newer_agent_are_no_known_origin_and_no_promise_of_a_check()
    {
        string line = ReportCodec.ToLine(Example(), Boot, 3) + " why=moonlight origin=vbd,tape,punch-card boot-check=maybe";

        FilesystemHealth read = ReportCodec.TryParseLine(Encoding.ASCII.GetBytes(line))!.Health;

        Assert.Equal([DiskOrigin.Vbd, DiskOrigin.Unrecognized], read.Origins);
        Assert.Equal((null, BootCheck.NotKnown), (read.Why, read.BootCheck));
    }

    [Theory]
    [InlineData(null, Severity.Ok)]
    [InlineData(VerdictReason.Fstab, Severity.Ok)]
    [InlineData(VerdictReason.SystemdUnit, Severity.Ok)]
    [InlineData(VerdictReason.CommandLine, Severity.Ok)]
    [InlineData(VerdictReason.ReadOnlyKey, Severity.Ok)]
    [InlineData(VerdictReason.ReadOnlySubvolume, Severity.Warning)]
    [InlineData(VerdictReason.OverlayLower, Severity.Warning)]
    [InlineData(VerdictReason.AdministratorRemount, Severity.Warning)]
    [InlineData(VerdictReason.ReadOnlySinceBoot, Severity.Warning)]
    public void A_design_that_nobody_wrote_down_is_a_warning(VerdictReason? why, Severity severity)
    {
        FilesystemHealth health = Example() with { Verdict = Verdict.ReadOnlyByDesign, Why = why };

        Assert.Equal(severity, health.Severity);
        Assert.Equal(severity, GuestState.Of([health], Noon).Severity);
    }

    [Fact]
    public void A_root_that_writes_while_swap_fails_is_a_warning()
    {
        FilesystemHealth root = Example() with { Verdict = Verdict.Writable, Evidence = [new(EvidenceKind.SwapError, "8:0")] };

        GuestState state = GuestState.Of([Example() with { Verdict = Verdict.Writable, Evidence = [] }, root], Noon);

        Assert.Equal((Severity.Warning, Severity.Warning), (root.Severity, state.Severity));
    }

    [Fact]
    public void An_unknown_filesystem_is_worse_than_one_that_is_read_only_by_design()
    {
        GuestState state = GuestState.Of(
            [
                Example() with { Verdict = Verdict.ReadOnlyByDesign, Why = VerdictReason.Fstab },
                Example() with { Verdict = Verdict.Unknown, Why = VerdictReason.NotWatched },
                Example() with { Verdict = Verdict.Writable },
            ],
            Noon);

        Assert.Equal((Verdict.Unknown, Severity.Unknown), (state.Worst, state.Severity));
    }

    private static FilesystemHealth Example() => new()
    {
        MountPoint = MountPoint.Root,
        Device = "xvda",
        FilesystemType = "ext3",
        Role = FilesystemRole.Root,
        Verdict = Verdict.JournalAborted,
        Since = Noon,
        Claims = MountClaim.Rw,
        Hidden = true,
        Evidence = [new(EvidenceKind.Probe, "EROFS"), new(EvidenceKind.KernelLine, "aborting-journal")],
    };

    private static GuestRequest ExampleRequest() => new()
    {
        Id = RequestId.TryParse("incident-1", out RequestId id) ? id : default,
        BootId = Boot,
        ReportSequence = 5,
        Filesystem = MountPoint.Root,
        Action = RequestAction.Reboot,
        LifetimeSeconds = 60,
    };
}
