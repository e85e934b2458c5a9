namespace HostBridge.Configuration;

/// <summary>The options that hold now, for those parts of the program that ask for them each time.</summary>
/// <param name="options">The options at the start.</param>
internal sealed class OptionsInForce(BridgeOptions options)
{
    private volatile BridgeOptions _value = options;
    private volatile string? _trouble;

    /// <summary>The options; may be read from any thread.</summary>
    public BridgeOptions Value => _value;

    /// <summary>Why the files of the configuration are not known, and what is in force instead; null when read.</summary>
    public string? Trouble
    {
        get => _trouble;
        set => _trouble = value;
    }

    /// <summary>Puts others in their place.</summary>
    public void Replace(BridgeOptions options) => _value = options;
}
