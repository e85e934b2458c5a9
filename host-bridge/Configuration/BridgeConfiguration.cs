using HostBridge.Recovery;
using Protocol.Configuration;

namespace HostBridge.Configuration;

/// <summary>The configuration of host-bridge as the files and the command line have it.</summary>
/// <param name="Host">The options, and where each of them comes from.</param>
/// <param name="Guests">The guests with a section, by uuid in lower case or by name.</param>
/// <param name="Files">The files that were read, in the order in which they win.</param>
/// <param name="Problems">Everything that is wrong; with any of it the rest must not be used.</param>
internal sealed record BridgeConfiguration(
    Sourced<BridgeOptions> Host,
    IReadOnlyDictionary<string, Sourced<GuestPolicy>> Guests,
    IReadOnlyList<string> Files,
    IReadOnlyList<ConfigurationProblem> Problems)
{
    /// <summary>
    /// Makes the configuration: the values of the host first, then those of each guest, which begin with the host's.
    /// </summary>
    /// <param name="defaults">The values where nothing says another.</param>
    /// <param name="files">The files, in the order in which they win.</param>
    /// <param name="commandLine">The options of the command line, which win over all files.</param>
    public static BridgeConfiguration Of(
        BridgeOptions defaults, IReadOnlyList<IniDocument> files, IReadOnlyList<Setting> commandLine)
    {
        var problems = new List<ConfigurationProblem>();
        ILookup<bool, Setting> settings = BridgeKeys.Sections.SettingsOf(files, problems)
            .ToLookup(setting => setting.SectionKind == GuestPolicyKeys.Section);
        var start = new Sourced<BridgeOptions>(defaults, new Dictionary<(string Section, string Key), SettingOrigin>());
        Sourced<BridgeOptions> host = BridgeKeys.Table.Fill(start, [.. settings[false], .. commandLine], problems);
        host = WithToolstack(host, problems);

        Sourced<GuestPolicy> any = AnyGuest(host);
        var guests = new Dictionary<string, Sourced<GuestPolicy>>(StringComparer.Ordinal);
        foreach (IGrouping<string, Setting> section in settings[true].GroupBy(
            setting => GuestName(SectionHeader.ThingOf(setting.Section))))
        {
            guests[section.Key] = GuestPolicyKeys.Table.Fill(any, section, problems);
        }

        if (guests.Count > 0)
        {
            BridgeOptions options = host.Value with
            {
                Policy = host.Value.Policy with
                {
                    Guests = guests.ToDictionary(guest => guest.Key, guest => guest.Value.Value, StringComparer.Ordinal),
                },
            };
            host = host with { Value = options };
        }

        IReadOnlyList<FileFault> faults = [.. files.Select(file => file.Fault).OfType<FileFault>()];
        return new BridgeConfiguration(
            host, guests, [.. files.Select(file => file.Path)], ConfigurationProblem.InOrder(problems, files))
        {
            Faults = faults,
            FileSettings = faults.Count + problems.Count == 0 ? SettingsText.Write(files) : string.Empty,
        };
    }

    /// <summary>The files and folders whose content is not known; with any of them the rest must not be used.</summary>
    public IReadOnlyList<FileFault> Faults { get; init; } = [];

    /// <summary>The settings of the files alone, as one file would have them; empty with faults or mistakes.</summary>
    public string FileSettings { get; init; } = string.Empty;

    /// <summary>The options; null when anything is wrong or not known.</summary>
    public BridgeOptions? Options => Problems.Count == 0 && Faults.Count == 0 ? Host.Value : null;

    /// <summary>What is wrong with the options of the command line, whatever the files say.</summary>
    public static IReadOnlyList<ConfigurationProblem> ProblemsOf(IReadOnlyList<Setting> commandLine)
    {
        var problems = new List<ConfigurationProblem>();
        var start = new Sourced<BridgeOptions>(
            new BridgeOptions(), new Dictionary<(string Section, string Key), SettingOrigin>());
        _ = BridgeKeys.Table.Fill(start, commandLine, problems);
        return problems;
    }

    /// <summary>What holds for a guest by this name or uuid; what holds for any when it has no section.</summary>
    public Sourced<GuestPolicy> GuestOf(string nameOrUuid)
        => Guests.GetValueOrDefault(GuestName(nameOrUuid)) ?? AnyGuest();

    /// <summary>Whether a guest has a section of its own by this name or uuid.</summary>
    public bool HasSectionOf(string nameOrUuid) => Guests.ContainsKey(GuestName(nameOrUuid));

    /// <summary>What holds for a guest without a section.</summary>
    public Sourced<GuestPolicy> AnyGuest() => AnyGuest(Host);

    /// <summary>A uuid is the same in any case, a name is not.</summary>
    private static string GuestName(string nameOrUuid)
        => Guid.TryParseExact(nameOrUuid, "D", out Guid uuid) ? uuid.ToString("D") : nameOrUuid;

    /// <summary>What a guest's section begins with: the host's values. The host's windows hold besides its own.</summary>
    private static Sourced<GuestPolicy> AnyGuest(Sourced<BridgeOptions> host)
    {
        RecoveryPolicy policy = host.Value.Policy;
        GuestPolicy any = policy.AnyGuest with
        {
            Mode = policy.Mode,
            ActWithoutHostEvidence = policy.ActWithoutHostEvidence,
        };
        return new Sourced<GuestPolicy>(
            any,
            host.Origins.Where(origin => origin.Key is { Section: "", Key: not GuestPolicyKeys.MaintenanceWindowsName })
                .ToDictionary(origin => (GuestPolicyKeys.Section, origin.Key.Key), origin => origin.Value));
    }

    /// <summary>A command without a toolstack says which one it is; the two must fit together.</summary>
    private static Sourced<BridgeOptions> WithToolstack(
        Sourced<BridgeOptions> host, List<ConfigurationProblem> problems)
    {
        SettingOrigin toolstack = host.OriginOf(string.Empty, BridgeKeys.Toolstack);
        SettingOrigin command = host.OriginOf(string.Empty, BridgeKeys.ToolstackCommand);
        bool hasCommand = host.Value.ToolstackCommand is not null;
        if (hasCommand && toolstack.Source == SettingSource.Default)
        {
            return new Sourced<BridgeOptions>(
                host.Value with { Toolstack = ToolstackKind.Command },
                new Dictionary<(string Section, string Key), SettingOrigin>(host.Origins)
                {
                    [(string.Empty, BridgeKeys.Toolstack)] = command,
                });
        }

        if (host.Value.Toolstack == ToolstackKind.Command && !hasCommand)
        {
            problems.Add(new ConfigurationProblem(
                toolstack, BridgeKeys.Toolstack, $"command needs its path; set {BridgeKeys.ToolstackCommand}"));
        }
        else if (host.Value.Toolstack != ToolstackKind.Command && hasCommand)
        {
            problems.Add(new ConfigurationProblem(
                command,
                BridgeKeys.ToolstackCommand,
                $"it is not used with the {BridgeKeys.Toolstack} that {toolstack} names; leave one of them out"));
        }

        return host;
    }
}
