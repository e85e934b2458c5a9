using System.Buffers;
using System.Text;
using System.Text.Json;

namespace HostBridge.Doctor;

/// <summary>An examination for programs: one object of JSON.</summary>
internal static class ExaminationJson
{
    /// <summary>The object; its names are a promise to programs.</summary>
    public static string Write(Examination examination)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteNumber("exit_code", examination.ExitCode);
            json.WriteNumber("dangers", examination.Count(FindingLevel.Danger));
            json.WriteNumber("warnings", examination.Count(FindingLevel.Warning));
            json.WriteStartArray("not_looked_at");
            foreach (Gap gap in examination.Gaps)
            {
                json.WriteStringValue(gap.Reason);
            }

            json.WriteEndArray();
            json.WriteStartArray("findings");
            foreach (RuledFinding one in examination.Findings)
            {
                WriteFinding(json, one.Rule, one.Finding);
            }

            json.WriteEndArray();
            json.WriteStartArray("predictions");
            foreach (Prediction one in examination.Predictions)
            {
                json.WriteStartObject();
                json.WriteString("guest", one.Guest);
                json.WriteNumber("failover_seconds", one.FailoverSeconds);
                json.WriteString("outcome", ExaminationText.OutcomeName(one.Outcome));
                json.WriteString("text", one.Text);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void WriteFinding(Utf8JsonWriter json, Rule rule, Finding finding)
    {
        json.WriteStartObject();
        json.WriteString("rule", rule.Name);
        json.WriteString("level", finding.Level switch
        {
            FindingLevel.Danger => "danger",
            FindingLevel.Warning => "warning",
            FindingLevel.NotChecked => "not-checked",
            _ => "fine",
        });
        json.WriteString("subject", finding.Subject);
        json.WriteString("found", finding.Found);
        json.WriteString("meaning", finding.Meaning);
        json.WriteString("advice", rule.Advice);
        json.WriteBoolean("is_real", rule.IsReal);
        json.WriteString("truth", rule.Truth);
        json.WriteString("instead", rule.Instead);
        json.WriteStartArray("fix");
        foreach (string command in finding.Fix)
        {
            json.WriteStringValue(command);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
