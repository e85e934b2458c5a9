namespace Protocol.Xenstore.Client;

/// <summary>What xenstore answered: a value, or the reason why there is none.</summary>
/// <typeparam name="T">The value's type.</typeparam>
/// <param name="Error">Why there is no value; <see cref="XenstoreError.None"/> when there is one.</param>
/// <param name="Value">The value; null when there is none.</param>
public readonly record struct XenstoreResult<T>(XenstoreError Error, T? Value)
{
    /// <summary>Whether there is a value.</summary>
    public bool IsSuccess => Error == XenstoreError.None;
}
