using System.Text;
using System.Text.Json;

namespace Testbed.Demo;

/// <summary>One line of the bridge's incident log.</summary>
/// <param name="Time">When, on the wall clock.</param>
/// <param name="Guest">The guest's uuid.</param>
/// <param name="Kind">report, decision, gate, intent, action, outcome, proof or operator.</param>
/// <param name="Text">For a person.</param>
/// <param name="Rung">What is done, where something is.</param>
public sealed record Incident(DateTimeOffset Time, Guid Guest, string Kind, string Text, string Rung);

/// <summary>Follows the incident log of the bridge, which appends lines of JSON to a file.</summary>
public sealed class IncidentTail : IAsyncDisposable
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(50);

    private readonly string _file;
    private readonly Action<Incident> _tell;
    private readonly CancellationTokenSource _closing = new();
    private readonly List<Incident> _incidents = [];
    private readonly Task _following;
    private long _position;

    /// <summary>Follows from the file's beginning; it need not be there yet.</summary>
    /// <param name="file">The log.</param>
    /// <param name="tell">Told of each line.</param>
    public IncidentTail(string file, Action<Incident> tell)
    {
        _file = file;
        _tell = tell;
        _following = FollowAsync();
    }

    /// <summary>What the log says of a guest so far.</summary>
    public IReadOnlyList<Incident> Of(Guid guest)
    {
        lock (_incidents)
        {
            return [.. _incidents.Where(incident => incident.Guest == guest)];
        }
    }

    /// <summary>Follows no more.</summary>
    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await _following;
        _closing.Dispose();
    }

    private async Task FollowAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            ReadNew();
            await Task.WhenAny(Task.Delay(LookAgain, _closing.Token));
        }
    }

    private void ReadNew()
    {
        if (!File.Exists(_file))
        {
            return;
        }

        using var stream = new FileStream(_file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        stream.Position = _position;
        byte[] news = new byte[stream.Length - _position];
        stream.ReadExactly(news);
        int complete = news.AsSpan().LastIndexOf((byte)'\n') + 1;
        _position += complete;
        string text = Encoding.UTF8.GetString(news, 0, complete);
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            Incident incident = Parse(line);
            lock (_incidents)
            {
                _incidents.Add(incident);
            }

            _tell(incident);
        }
    }

    private static Incident Parse(string line)
    {
        using JsonDocument document = JsonDocument.Parse(line);
        JsonElement root = document.RootElement;
        return new Incident(
            root.GetProperty("time").GetDateTimeOffset(),
            root.GetProperty("guest").GetGuid(),
            root.GetProperty("kind").GetString()!,
            root.GetProperty("text").GetString()!,
            root.TryGetProperty("rung", out JsonElement rung) ? rung.GetString()! : string.Empty);
    }
}
