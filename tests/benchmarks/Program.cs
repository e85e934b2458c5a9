using Benchmarks.Bridge;
using Benchmarks.Channel;
using Benchmarks.Detection;
using Benchmarks.Storage;
using Benchmarks.Xenstore;

return args switch
{
    ["xenstore"] => await XenstoreBenchmark.RunAsync(),
    ["channel"] => await ChannelBenchmark.RunAsync(),
    ["bridge"] => await BridgeBenchmark.RunAsync(),
    ["detection"] => await AbortBenchmark.RunAsync(),
    ["fleet", var kind, var folder] => await BridgeBenchmark.RunFleetAsync(kind, folder),
    ["storage"] => await StorageBenchmark.RunAsync(),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine(
        "usage: benchmarks xenstore|channel|bridge|storage|detection (in tests/contained.sh; make bench does all)");
    return 64;
}
