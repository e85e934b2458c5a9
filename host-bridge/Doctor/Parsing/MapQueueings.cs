using System.Text.Json;

namespace HostBridge.Doctor.Parsing;

/// <summary>Reads what the answer to <c>multipathd show maps json</c> says of each map (libmultipath/print.c).</summary>
internal static class MapQueueings
{
    private const int MapDepth = 3;

    /// <summary>Every map by name; null when it is no such answer.</summary>
    public static IReadOnlyDictionary<string, MapQueueing>? Parse(ReadOnlySpan<byte> json)
    {
        var maps = new Dictionary<string, MapQueueing>(StringComparer.Ordinal);
        bool hasMaps = false;
        string? name = null, queueing = null, features = null;
        try
        {
            var reader = new Utf8JsonReader(json);
            while (reader.Read())
            {
                // {"maps":[{…}]}: a map's own names stand at depth 3, those of its groups and paths deeper.
                if (reader.TokenType == JsonTokenType.EndObject && reader.CurrentDepth == MapDepth - 1)
                {
                    if (name is not null)
                    {
                        maps[name] = new MapQueueing(name, queueing ?? string.Empty, features ?? string.Empty);
                    }

                    (name, queueing, features) = (null, null, null);
                }
                else if (reader.TokenType == JsonTokenType.PropertyName)
                {
                    string? property = reader.GetString();
                    hasMaps |= property == "maps";
                    if (reader.CurrentDepth == MapDepth && property is ("name" or "queueing" or "features")
                        && reader.Read() && reader.TokenType == JsonTokenType.String)
                    {
                        string value = reader.GetString()!;
                        (name, queueing, features) = property switch
                        {
                            "name" => (value, queueing, features),
                            "queueing" => (name, value, features),
                            _ => (name, queueing, value),
                        };
                    }
                }
            }
        }
        catch (JsonException)
        {
            return null;
        }

        return hasMaps ? maps : null;
    }
}
