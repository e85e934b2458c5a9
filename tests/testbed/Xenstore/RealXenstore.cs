using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Mono.Unix.Native;
using Protocol.Xenstore;
using Testbed.Linux;

namespace Testbed.Xenstore;

/// <summary>
/// Debian's own C xenstored, without a hypervisor: under <c>xenstored-stub.c</c>, which stands in for Xen and is the
/// domains. One client at a time can be a domain; the next one waits.
/// </summary>
public sealed class RealXenstore : IXenstoreDaemon
{
    private const int PollMs = 1;

    private static readonly TimeSpan DefaultLimit = TimeSpan.FromSeconds(10);
    private static readonly Lazy<Task<string>> Stub = new(CompileStubAsync);
    private static readonly Lazy<Task<string?>> Trial = new(TryInstalledAsync);

    private readonly string _folder;
    private readonly string _program;
    private readonly string _stub;
    private readonly TimeSpan _limit;
    private readonly SortedDictionary<int, DomainNodes> _domains = [];
    private readonly HashSet<int> _shutDown = [];
    private readonly ConcurrentQueue<string> _complaints = new();
    private Process? _process;

    private RealXenstore(string folder, string program, string stub, TimeSpan limit)
    {
        _folder = folder;
        _program = program;
        _stub = stub;
        _limit = limit;
    }

    /// <inheritdoc/>
    public string SocketPath => Path.Combine(_folder, "socket");

    /// <summary>
    /// Why the real daemon cannot run here, tried once; null when it can. Another version than those that the stub is
    /// made for may end at once, or not answer.
    /// </summary>
    public static Task<string?> WhyNotAsync() => Trial.Value;

    /// <summary>Starts a daemon, is a domain of it, and ends it; why that failed, or null.</summary>
    /// <param name="program">The daemon's path.</param>
    /// <param name="limit">How long anything may take.</param>
    public static async Task<string?> TryAsync(string program, TimeSpan limit)
    {
        string folder = Directory.CreateTempSubdirectory("xs-").FullName;
        try
        {
            await using RealXenstore daemon = await StartAsync(folder, program, limit);
            daemon.IntroduceDomain(1);
            using var guest = new RawXenstoreClient(daemon.DomainSocketPath(1), limit);
            string answer = guest.Ask(XenstoreOperation.Read, "domid\0");
            return answer == "1" ? null : $"{program} does not work here: to a domain it answers {answer}";
        }
        catch (Exception failure) when (failure is IOException or SocketException or TimeoutException
            or InvalidOperationException or InvalidDataException or System.ComponentModel.Win32Exception)
        {
            return $"{program} does not work here: {failure.Message}";
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Starts the installed daemon with an empty store.</summary>
    /// <param name="folder">
    /// For its sockets and files; it must exist, and its path be short (a socket's path has at most 107 bytes).
    /// </param>
    public static Task<RealXenstore> StartAsync(string folder) => StartAsync(folder, FindDaemon()!, DefaultLimit);

    private static async Task<RealXenstore> StartAsync(string folder, string program, TimeSpan limit)
    {
        var daemon = new RealXenstore(folder, program, await Stub.Value, limit);
        await Tool.RequireAsync("mkfifo", daemon.VirqPath);
        try
        {
            daemon.Restart();
            return daemon;
        }
        catch
        {
            daemon.Kill();
            throw;
        }
    }

    /// <inheritdoc/>
    public string DomainSocketPath(int domainId) => Path.Combine(_folder, $"domain-{domainId}");

    /// <inheritdoc/>
    public void IntroduceDomain(int domainId, string? name = null, string? uuid = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(domainId, 1);
        var nodes = DomainNodes.For(domainId, name, uuid);
        if (!_domains.TryAdd(domainId, nodes))
        {
            throw new InvalidOperationException($"domain {domainId} exists: release it before making it again");
        }

        WriteStates();
        Introduce(nodes);
    }

    /// <inheritdoc/>
    public void ShutDownDomain(int domainId)
    {
        _shutDown.Add(domainId);
        WriteStates();
        RaiseVirq();
    }

    /// <inheritdoc/>
    public void ReleaseDomain(int domainId)
    {
        if (!_domains.Remove(domainId, out DomainNodes? nodes))
        {
            return;
        }

        _shutDown.Remove(domainId);
        using var dom0 = new RawXenstoreClient(SocketPath, _limit);
        dom0.Ask(XenstoreOperation.Remove, $"{nodes.Home}\0");
        dom0.Ask(XenstoreOperation.Remove, $"{nodes.VmPath}\0");
        WriteStates();
        RaiseVirq();
        Until(() => !dom0.IsIntroduced(domainId), $"xenstored still knows domain {domainId}");
    }

    /// <inheritdoc/>
    public void Freeze() => Signal(Signum.SIGSTOP);

    /// <inheritdoc/>
    public void Thaw() => Signal(Signum.SIGCONT);

    /// <inheritdoc/>
    public void Kill()
    {
        if (_process is { } process)
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
            _process = null;
        }
    }

    /// <inheritdoc/>
    public void Restart()
    {
        Kill();
        WriteStates();
        var start = new ProcessStartInfo(_program, ["-N", "-I", "-F", Path.Combine(_folder, "pid")])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
        };
        start.Environment["LD_PRELOAD"] = _stub;
        start.Environment["XENSTORED_STUB_FOLDER"] = _folder;
        start.Environment["XENSTORED_RUNDIR"] = _folder;
        start.Environment["XENSTORED_PATH"] = SocketPath;
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) => _complaints.Enqueue(line.Data ?? string.Empty);
        _process.BeginErrorReadLine();
        Until(Listens, $"{start.FileName} does not listen");
        foreach (DomainNodes nodes in _domains.Values)
        {
            Introduce(nodes);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Kill();
        return ValueTask.CompletedTask;
    }

    private string VirqPath => Path.Combine(_folder, "virq");

    private static string? FindDaemon()
        => Directory.Exists("/usr/lib")
            ? Directory.GetDirectories("/usr/lib", "xen-*")
                .Select(folder => Path.Combine(folder, "bin", "xenstored"))
                .Where(File.Exists)
                .Max(StringComparer.Ordinal)
            : null;

    private static async Task<string?> TryInstalledAsync()
        => Containment.WhyNot() ?? (FindDaemon() is { } program
            ? await TryAsync(program, DefaultLimit)
            : "the C xenstored is not installed: run tests/prepare.sh testbed (Debian's package xen-utils-VERSION)");

    private static async Task<string> CompileStubAsync()
    {
        string stub = Path.Combine(Directory.CreateTempSubdirectory("xenstored-stub-").FullName, "stub.so");
        string source = Path.Combine(AppContext.BaseDirectory, "Xenstore", "xenstored-stub.c");
        await Tool.RequireAsync("gcc", "-Wall", "-Werror", "-O1", "-shared", "-fPIC", "-o", stub, source);
        return stub;
    }

    /// <summary>libxl writes a domain's nodes and then introduces it.</summary>
    private void Introduce(DomainNodes nodes)
    {
        using var dom0 = new RawXenstoreClient(SocketPath, _limit);
        foreach (DomainNode node in nodes.All())
        {
            dom0.Demand(XenstoreOperation.Write, $"{node.Path}\0{node.Value}");
            dom0.Demand(XenstoreOperation.SetPermissions, $"{node.Path}\0{string.Join('\0', node.Permissions)}\0");
        }

        dom0.Introduce(nodes.DomainId);
    }

    /// <summary>What the hypervisor knows, for the stub. Replaced as a whole: it may be read at any time.</summary>
    private void WriteStates()
    {
        string path = Path.Combine(_folder, "domains");
        IEnumerable<string> lines = _domains.Keys.Select(domainId => string.Create(
            CultureInfo.InvariantCulture,
            $"{domainId} {(_shutDown.Contains(domainId) ? "shutdown" : "running")}"));
        File.WriteAllLines(path + ".new", ["0 running", .. lines]);
        File.Move(path + ".new", path, overwrite: true);
    }

    private void RaiseVirq()
    {
        using FileStream fifo = new(VirqPath, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        fifo.WriteByte((byte)'!');
    }

    private bool Listens()
    {
        if (_process!.HasExited)
        {
            _process.WaitForExit();
            throw new IOException(
                $"xenstored ended at once with exit code {_process.ExitCode}: {string.Join(' ', _complaints).Trim()}");
        }

        try
        {
            using var dom0 = new RawXenstoreClient(SocketPath, _limit);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private void Signal(Signum signal)
    {
        if (_process is null || Syscall.kill(_process.Id, signal) != 0)
        {
            throw new IOException($"cannot send {signal}: xenstored does not run");
        }
    }

    private void Until(Func<bool> condition, string problem)
    {
        var waited = Stopwatch.StartNew();
        while (!condition())
        {
            if (waited.Elapsed > _limit)
            {
                throw new TimeoutException($"{problem} after {_limit.TotalSeconds} s");
            }

            Thread.Sleep(PollMs);
        }
    }
}
