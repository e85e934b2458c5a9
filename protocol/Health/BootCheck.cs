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

/// <summary>Why a boot does not check a filesystem.</summary>
public enum BootCheckReason
{
    /// <summary>The sixth field of its line in fstab is 0 or absent.</summary>
    PassnoZero = 0,

    /// <summary>fstab has no line for it.</summary>
    NotInFstab,

    /// <summary>There is no fstab.</summary>
    NoFstab,

    /// <summary>The unit that would check it is masked.</summary>
    Masked,

    /// <summary>The kernel command line says <c>fsck.mode=skip</c>, <c>fastboot</c> or the like.</summary>
    Skipped,

    /// <summary>The program that would check it is not installed.</summary>
    NoFsck,
}

/// <summary>The names and the meaning of <see cref="BootCheckReason"/>.</summary>
public static class BootCheckReasonName
{
    private static readonly KebabNames<BootCheckReason> Names = new();

    /// <summary>The name, for example <c>passno-zero</c>.</summary>
    public static string ToName(this BootCheckReason reason) => Names.ToName(reason);

    /// <summary>Reads a name; false when it is none of them.</summary>
    public static bool TryParse(string name, out BootCheckReason reason) => Names.TryParse(name, out reason);

    /// <summary>What it means, for an operator.</summary>
    public static string ToSentence(this BootCheckReason reason) => reason switch
    {
        BootCheckReason.PassnoZero => "passno 0",
        BootCheckReason.NotInFstab => "not in fstab",
        BootCheckReason.NoFstab => "no fstab",
        BootCheckReason.Masked => "systemd-fsck is masked",
        BootCheckReason.Skipped => "the kernel command line skips checks",
        BootCheckReason.NoFsck => "no fsck for its type is installed",
        _ => throw new InvalidOperationException($"unknown reason {reason}"),
    };
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
