namespace Protocol.Health;

/// <summary>Whether a boot of the guest checks a filesystem, so that a forced check would be made.</summary>
public enum BootCheck
{
    /// <summary>Not known; what an agent that does not report it means, too.</summary>
    NotKnown = 0,

    /// <summary>A boot checks it.</summary>
    Checked,

    /// <summary>A boot does not check it, also when a check is asked for.</summary>
    NotChecked,
}

/// <summary>The names of <see cref="BootCheck"/>.</summary>
public static class BootCheckName
{
    private static readonly KebabNames<BootCheck> Names = new();

    /// <summary>The name, for example <c>not-checked</c>.</summary>
    public static string ToName(this BootCheck check) => Names.ToName(check);

    /// <summary>Reads a name; false when it is none of them.</summary>
    public static bool TryParse(string name, out BootCheck check) => Names.TryParse(name, out check);
}
