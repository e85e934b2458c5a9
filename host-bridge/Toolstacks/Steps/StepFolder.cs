using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using HostBridge.Incidents;
using Microsoft.Win32.SafeHandles;
using Protocol.Health;

namespace HostBridge.Toolstacks.Steps;

/// <summary>
/// The files of the steps, <c>steps/INTENT.STEP.order</c>, <c>.lock</c>, <c>.outcome</c>, and
/// <c>steps/INTENT.destroyed</c>: by them a bridge that is started anew finds what it, or its step, had done. Each is
/// written under another name, synchronised and renamed, so that it is there whole or not at all.
/// </summary>
/// <param name="path">The folder.</param>
internal sealed class StepFolder(string path)
{
    private const int MaxFileBytes = 64 * 1024;
    private const int MaxFiles = 4000;

    private static readonly TimeSpan KeptFor = TimeSpan.FromDays(30);

    /// <summary>The folder.</summary>
    public string Path { get; } = path;

    /// <summary>What a step is to do; null when there is no such order, or it cannot be read.</summary>
    public StepOrder? ReadOrder(string intent, StepKind kind)
        => Read(NameOf(intent, kind, "order"), StepJson.Default.StepOrder);

    /// <summary>Makes an order durable.</summary>
    public void WriteOrder(StepOrder order)
        => Write(NameOf(order.Intent, order.Kind, "order"), order, StepJson.Default.StepOrder);

    /// <summary>How a step ended; null when it did not.</summary>
    public StepOutcome? ReadOutcome(string intent, StepKind kind)
        => Read(NameOf(intent, kind, "outcome"), StepJson.Default.StepOutcome);

    /// <summary>Makes the outcome durable.</summary>
    public void WriteOutcome(string intent, StepKind kind, StepOutcome outcome)
        => Write(NameOf(intent, kind, "outcome"), outcome, StepJson.Default.StepOutcome);

    /// <summary>Forgets how a step ended, before it is tried again.</summary>
    public void RemoveOutcome(string intent, StepKind kind) => Remove(NameOf(intent, kind, "outcome"));

    /// <summary>The proof that a domain was destroyed under an intent; null when there is none.</summary>
    public DestroyRecord? ReadDestroyed(string intent) => Read($"{intent}.destroyed", StepJson.Default.DestroyRecord);

    /// <summary>Makes that proof durable.</summary>
    public void WriteDestroyed(DestroyRecord record)
        => Write($"{record.Intent}.destroyed", record, StepJson.Default.DestroyRecord);

    /// <summary>The arguments that are still to be taken back from a guest's boots; null when there are none.</summary>
    public ArmedBoot? ReadArmed(Guid guest) => Read($"{guest:D}.armed", StepJson.Default.ArmedBoot);

    /// <summary>Makes that durable.</summary>
    public void WriteArmed(ArmedBoot armed) => Write($"{armed.Guest:D}.armed", armed, StepJson.Default.ArmedBoot);

    /// <summary>They were taken back.</summary>
    public void RemoveArmed(Guid guest) => Remove($"{guest:D}.armed");

    /// <summary>
    /// Takes the lock of a step for as long as the handle is open, here or in a child that has it; null when the step
    /// runs.
    /// </summary>
    public SafeFileHandle? TryLock(string intent, StepKind kind)
    {
        Directory.CreateDirectory(Path);
        string file = System.IO.Path.Combine(Path, NameOf(intent, kind, "lock"));
        SafeFileHandle handle = StateFiles.OpenOrCreate(file);
        try
        {
            if (StateFiles.TryLock(handle, file))
            {
                return handle;
            }
        }
        catch
        {
            handle.Dispose();
            throw;
        }

        handle.Dispose();
        return null;
    }

    /// <summary>Whether the process of a step, or a program that it started, is still at work.</summary>
    public bool IsRunning(string intent, StepKind kind)
    {
        if (!File.Exists(System.IO.Path.Combine(Path, NameOf(intent, kind, "lock"))))
        {
            return false;
        }

        using SafeFileHandle? handle = TryLock(intent, kind);
        if (handle is not null)
        {
            StateFiles.Unlock(handle);
        }

        return handle is null;
    }

    /// <summary>Removes files that are a month old, and the oldest of very many. A step that runs keeps its own.</summary>
    public void CleanUp(DateTimeOffset now)
    {
        try
        {
            FileInfo[] files = new DirectoryInfo(Path).Exists
                ? [.. new DirectoryInfo(Path).EnumerateFiles().OrderByDescending(file => file.LastWriteTimeUtc)]
                : [];
            for (int i = 0; i < files.Length; i++)
            {
                bool isKept = files[i].Extension == ".armed" || IsOfRunningStep(files[i].Name);
                if (!isKept && (i >= MaxFiles || files[i].LastWriteTimeUtc < (now - KeptFor).UtcDateTime))
                {
                    files[i].Delete();
                }
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // What stays is in nobody's way, and the next start tries again.
        }
    }

    private bool IsOfRunningStep(string fileName)
        => fileName.Split('.') is [var intent, var step, _]
            && RequestId.TryParse(intent, out _)
            && Enum.TryParse(step, ignoreCase: true, out StepKind kind)
            && IsRunning(intent, kind);

    private T? Read<T>(string name, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            using FileStream stream = File.OpenRead(System.IO.Path.Combine(Path, name));
            return stream.Length > MaxFileBytes ? null : JsonSerializer.Deserialize(stream, type);
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException or JsonException)
        {
            return null;
        }
    }

    private void Write<T>(string name, T value, JsonTypeInfo<T> type)
    {
        Directory.CreateDirectory(Path);
        string file = System.IO.Path.Combine(Path, name);
        using (var stream = new FileStream($"{file}.new", FileMode.Create, FileAccess.Write))
        {
            JsonSerializer.Serialize(stream, value, type);
            stream.Flush(flushToDisk: true);
        }

        File.Move($"{file}.new", file, overwrite: true);
        StateFiles.SyncDirectory(Path);
    }

    private void Remove(string name)
    {
        // A folder that is not there is another error than a file that is not.
        Directory.CreateDirectory(Path);
        File.Delete(System.IO.Path.Combine(Path, name));
    }

    private static string NameOf(string intent, StepKind kind, string part)
        => $"{intent}.{kind.ToString().ToLowerInvariant()}.{part}";
}
