using System.Text.Json;
using HostBridge.Storage.Judging;

namespace HostBridge.Storage.Parsing;

/// <summary>Reads the answer to <c>multipathd show maps json</c> (libmultipath/print.c).</summary>
internal static class MultipathMaps
{
    /// <summary>The state of every path; null when it is no such answer.</summary>
    public static MultipathView? Parse(ReadOnlySpan<byte> json)
    {
        var paths = new Dictionary<string, MultipathPath>(StringComparer.Ordinal);
        try
        {
            var reader = new Utf8JsonReader(json);
            bool hasMaps = false;
            string? device = null, deviceMapperState = null, checkerState = null;
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.StartObject)
                {
                    (device, deviceMapperState, checkerState) = (null, null, null);
                }
                else if (reader.TokenType == JsonTokenType.EndObject)
                {
                    if (device is not null && deviceMapperState is not null)
                    {
                        paths[device] = new MultipathPath(deviceMapperState, checkerState ?? string.Empty);
                    }

                    (device, deviceMapperState, checkerState) = (null, null, null);
                }
                else if (reader.TokenType == JsonTokenType.PropertyName)
                {
                    string? name = reader.GetString();
                    hasMaps |= name == "maps";
                    if (name is "dev" or "dm_st" or "chk_st" && reader.Read()
                        && reader.TokenType == JsonTokenType.String)
                    {
                        string value = reader.GetString()!;
                        (device, deviceMapperState, checkerState) = name switch
                        {
                            "dev" => (value, deviceMapperState, checkerState),
                            "dm_st" => (device, value, checkerState),
                            _ => (device, deviceMapperState, value),
                        };
                    }
                }
            }

            return hasMaps ? new MultipathView(paths) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
