using Benchmarks.Bridge;
using Benchmarks.Storage;
using Benchmarks.Xenstore;

return args switch
{
    ["xenstore"] => await XenstoreBenchmark.RunAsync(),
    ["bridge"] => await BridgeBenchmark.RunAsync(),
    ["fleet", var kind, var folder] => await BridgeBenchmark.RunFleetAsync(kind, folder),
    ["storage"] => await StorageBenchmark.RunAsync(),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine(
        "usage: benchmarks xenstore|bridge|storage (in tests/contained.sh, as root; make bench does all)");
    return 64;
}
