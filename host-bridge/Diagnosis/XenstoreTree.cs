using System.Text;
using HostBridge.Guests;
using HostBridge.Recovery;
using Protocol.Xenstore.Client;

namespace HostBridge.Diagnosis;

/// <summary>A guest that is to be diagnosed, as far as it was found.</summary>
/// <param name="Domain">Its domain; null when it does not run.</param>
/// <param name="Name">Its name.</param>
internal sealed record DiagnosedGuest(DomainId? Domain, string Name);

/// <summary>Prints parts of xenstore, a path and a value on a line. Guests fill it, so everything is bounded.</summary>
internal static class XenstoreTree
{
    private const int MaxNodes = 20_000;
    private const int MaxDepth = 24;
    private const int MaxValueLength = 4096;
    private const string Domains = "/local/domain";

    /// <summary>Finds guests: all, or the one with this name, number or uuid.</summary>
    public static async Task<IReadOnlyList<DiagnosedGuest>> FindAsync(string socketPath, string? wanted, TimeSpan limit)
    {
        using var timer = new CancellationTokenSource(limit);
        XenstoreClient xenstore = Connect(socketPath);
        await using (xenstore.ConfigureAwait(false))
        {
            xenstore.Start();
            var guests = new List<DiagnosedGuest>();
            XenstoreResult<IReadOnlyList<string>> names = await xenstore.DirectoryAsync(Domains, timer.Token)
                .ConfigureAwait(false);
            foreach (DomainId domain in (names.Value ?? []).Select(DomainNodes.ParseDomainId).OfType<DomainId>())
            {
                XenstoreResult<byte[]> name = await xenstore.ReadAsync($"{Domains}/{domain}/name", timer.Token)
                    .ConfigureAwait(false);
                XenstoreResult<byte[]> vm = await xenstore.ReadAsync($"{Domains}/{domain}/vm", timer.Token)
                    .ConfigureAwait(false);
                string text = DomainNodes.ParseName(name.Value, domain);
                if (wanted is null || wanted == text || wanted == domain.ToString()
                    || (Guid.TryParse(wanted, out Guid uuid) && DomainNodes.ParseVm(vm.Value) == uuid))
                {
                    guests.Add(new DiagnosedGuest(domain, text));
                }
            }

            return guests;
        }
    }

    /// <summary>Everything below some paths.</summary>
    public static async Task<ItemContent> PrintAsync(string socketPath, IReadOnlyList<string> paths, TimeSpan limit)
    {
        var text = new StringBuilder();
        if (!File.Exists(socketPath))
        {
            return new ItemContent([], $"no xenstored runs here: {socketPath} is not there");
        }

        using var timer = new CancellationTokenSource(limit);
        string? problem = null;
        try
        {
            XenstoreClient xenstore = Connect(socketPath);
            await using (xenstore.ConfigureAwait(false))
            {
                xenstore.Start();
                problem = await PrintBelowAsync(xenstore, paths, text, timer.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            problem = $"xenstored did not answer everything within {limit.TotalSeconds:0.#} s";
        }
        catch (XenstoreLinkException failure)
        {
            problem = failure.Message;
        }

        return new ItemContent(Encoding.UTF8.GetBytes(text.ToString()), problem);
    }

    private static async Task<string?> PrintBelowAsync(
        XenstoreClient xenstore, IReadOnlyList<string> paths, StringBuilder text, CancellationToken cancellationToken)
    {
        var stack = new Stack<(string Path, int Depth)>(paths.Reverse().Select(path => (path, 0)));
        for (int nodes = 0; stack.TryPop(out (string Path, int Depth) node); nodes++)
        {
            if (nodes >= MaxNodes)
            {
                return $"cut after {MaxNodes} nodes";
            }

            XenstoreResult<byte[]> value = await xenstore.ReadAsync(node.Path, cancellationToken).ConfigureAwait(false);
            if (value.Value is { } bytes)
            {
                string printable = Printable.Escape(Encoding.Latin1.GetString(bytes), MaxValueLength);
                text.Append($"{node.Path} = \"{printable}\"\n");
            }

            XenstoreResult<IReadOnlyList<string>> children = await xenstore
                .DirectoryAsync(node.Path, cancellationToken).ConfigureAwait(false);
            foreach (string child in node.Depth < MaxDepth ? (children.Value ?? []).Reverse() : [])
            {
                stack.Push(($"{node.Path}/{child}", node.Depth + 1));
            }
        }

        return text.Length > 0 ? null : "there is no such node";
    }

    private static XenstoreClient Connect(string socketPath)
        => new(socketPath, new XenstoreClientOptions { Jitter = new Random() }, TimeProvider.System);
}
