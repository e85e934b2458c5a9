using Benchmarks.Bridge;
using Benchmarks.Xenstore;

return args switch
{
    ["xenstore"] => await XenstoreBenchmark.RunAsync(),
    ["bridge"] => await BridgeBenchmark.RunAsync(),
    ["fleet", var kind, var folder] => await BridgeBenchmark.RunFleetAsync(kind, folder),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: benchmarks xenstore|bridge (in tests/contained.sh, as root; make bench does both)");
    return 64;
}
