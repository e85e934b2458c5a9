using System.Text;
using HostBridge.Admin;
using HostBridge.Diagnosis.Parsing;

namespace HostBridge.Diagnosis;

/// <summary>
/// Gathers items side by side, each within a limit and all within one: whatever hangs is left behind and said so.
/// </summary>
/// <param name="itemLimit">How long one item may take.</param>
/// <param name="wholeLimit">How long all of them may take.</param>
/// <param name="time">The clock for it.</param>
internal sealed class Gatherer(TimeSpan itemLimit, TimeSpan wholeLimit, TimeProvider time)
{
    /// <summary>What hangs keeps one of these places until its limit, and the others go on.</summary>
    private const int Places = 4;

    /// <summary>A reader that keeps its own limit brings what it has; it gets this much longer before it is left.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    private readonly long _began = time.GetTimestamp();

    /// <summary>Every item, in the same order.</summary>
    public async Task<IReadOnlyList<GatheredItem>> GatherAsync(IReadOnlyList<DiagnosisItem> items)
    {
        var contents = new ItemContent[items.Count];
        int next = -1;
        await Task.WhenAll(Enumerable.Range(0, Places).Select(async _ =>
        {
            while (Interlocked.Increment(ref next) is var index && index < items.Count)
            {
                contents[index] = await ReadAsync(items[index]).ConfigureAwait(false);
            }
        })).ConfigureAwait(false);
        return [.. items.Select((item, index) => new GatheredItem(item, WithoutSecrets(contents[index])))];
    }

    private async Task<ItemContent> ReadAsync(DiagnosisItem item)
    {
        TimeSpan left = wholeLimit - time.GetElapsedTime(_began);
        if (left <= TimeSpan.Zero)
        {
            return new ItemContent([], $"not begun: the whole had taken its {wholeLimit.TotalSeconds:0.#} s");
        }

        TimeSpan limit = left < itemLimit ? left : itemLimit;
        try
        {
            return await OwnThread.RunAsync(item.Name, () => item.ReadAsync(limit), limit + Grace).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return new ItemContent([], $"it hung for more than {limit.TotalSeconds:0.#} s and was left behind");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return new ItemContent([], failure.Message);
        }
    }

    /// <summary>Latin-1 keeps every byte as it is, whatever the encoding was.</summary>
    private static ItemContent WithoutSecrets(ItemContent content)
        => content with { Content = Encoding.Latin1.GetBytes(Secrets.Remove(Encoding.Latin1.GetString(content.Content))) };
}
