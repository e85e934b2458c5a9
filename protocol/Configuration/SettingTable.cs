namespace Protocol.Configuration;

/// <summary>A record, and where each of its values comes from.</summary>
/// <typeparam name="T">The record.</typeparam>
/// <param name="Value">The record.</param>
/// <param name="Origins">Where the values come from, by section and key; a value that is not here is a default.</param>
public sealed record Sourced<T>(T Value, IReadOnlyDictionary<(string Section, string Key), SettingOrigin> Origins)
{
    /// <summary>Where the value of a key comes from.</summary>
    public SettingOrigin OriginOf(string section, string key)
        => Origins.TryGetValue((section, key), out SettingOrigin origin) ? origin : SettingOrigin.Default;
}

/// <summary>The keys of a record. Fills it from settings, and says what is wrong with each of these.</summary>
/// <typeparam name="T">The record.</typeparam>
/// <param name="keys">Every key, in the order of the manual.</param>
/// <param name="manual">The page that explains the keys: <c>host-bridge.conf(5)</c>.</param>
/// <param name="elsewhere">Keys of other tables, and where these belong, for a person; null for none.</param>
public sealed class SettingTable<T>(
    IReadOnlyList<SettingKey<T>> keys, string manual, Func<string, string?>? elsewhere = null)
    where T : class
{
    private readonly Dictionary<(string Section, string Key), SettingKey<T>> _byName
        = keys.ToDictionary(key => (key.Section, key.Name));

    /// <summary>Every key, in the order of the manual.</summary>
    public IReadOnlyList<SettingKey<T>> Keys => keys;

    /// <summary>The sections of these keys; the part before the first section is the empty one.</summary>
    public IReadOnlyList<string> Sections { get; } = [.. keys.Select(key => key.Section).Distinct()];

    /// <summary>Whether any key has this name.</summary>
    public bool Knows(string name) => keys.Any(key => key.Name == name);

    /// <summary>
    /// Fills a record: of two settings of one key the later wins, and one without a value takes the earlier ones back.
    /// Each of them is checked, also those that do not win.
    /// </summary>
    /// <param name="start">The values where no setting says another.</param>
    /// <param name="settings">The settings, those that win last.</param>
    /// <param name="problems">What is wrong is added here.</param>
    public Sourced<T> Fill(
        Sourced<T> start, IEnumerable<Setting> settings, ICollection<ConfigurationProblem> problems)
    {
        T value = start.Value;
        var origins = new Dictionary<(string Section, string Key), SettingOrigin>(start.Origins);
        foreach (Setting setting in settings)
        {
            if (!_byName.TryGetValue((setting.SectionKind, setting.Key), out SettingKey<T>? key))
            {
                problems.Add(new ConfigurationProblem(setting.Origin, setting.Subject, Unknown(setting)));
            }
            else if (setting is { Text.Length: 0, Origin.Source: SettingSource.File })
            {
                value = key.Copy(value, start.Value);
                Restore(origins, start, (setting.SectionKind, setting.Key));
            }
            else if (key.TrySet(ref value, setting.Text) is { } problem)
            {
                problems.Add(new ConfigurationProblem(setting.Origin, setting.Subject, problem));
            }
            else
            {
                origins[(setting.SectionKind, setting.Key)] = setting.Origin;
            }
        }

        return new Sourced<T>(value, origins);
    }

    /// <summary>Every value in force, in the order of the manual.</summary>
    /// <param name="settings">The values, and where they come from.</param>
    /// <param name="defaults">What they would be if nothing said another.</param>
    public IReadOnlyList<SettingInForce> InForce(Sourced<T> settings, T defaults)
        =>
        [
            .. keys.Select(key => new SettingInForce(
                key.Section,
                key.Name,
                key.ValueIn(settings.Value),
                key.ValueIn(defaults),
                settings.OriginOf(key.Section, key.Name))),
        ];

    /// <summary>The keys whose value differs and that a running program does not take.</summary>
    public IReadOnlyList<SettingKey<T>> NeedingStart(T before, T after)
        => [.. keys.Where(key => key.NeedsStart && key.ValueIn(before) != key.ValueIn(after))];

    private static void Restore(
        Dictionary<(string Section, string Key), SettingOrigin> origins,
        Sourced<T> start,
        (string Section, string Key) key)
    {
        if (start.Origins.TryGetValue(key, out SettingOrigin origin))
        {
            origins[key] = origin;
        }
        else
        {
            origins.Remove(key);
        }
    }

    private string Unknown(Setting setting)
    {
        if (elsewhere?.Invoke(setting.Key) is { } place)
        {
            return $"no such key here; it belongs {place}";
        }

        IEnumerable<string> here = keys.Where(key => key.Section == setting.SectionKind).Select(key => key.Name);
        return NearestWord.Of(setting.Key, here) is { } near
            ? $"no such key; did you mean {near}?"
            : $"no such key; {manual} lists the keys";
    }
}
