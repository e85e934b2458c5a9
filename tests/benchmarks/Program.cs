using Benchmarks.Bridge;
using Benchmarks.Carriers;
using Benchmarks.Comparison;
using Benchmarks.Detection;
using Benchmarks.Incidents;
using Benchmarks.Storage;
using Benchmarks.Xenstore;

return args switch
{
    ["xenstore"] => await XenstoreBenchmark.RunAsync(),
    ["channel"] => await ChannelBenchmark.RunAsync(),
    ["bridge"] => await BridgeBenchmark.RunAsync(),
    ["compare", .. var files] => CompareCommand.Run(files),
    ["decisions"] => DecisionBenchmark.Run(),
    ["detection"] => await AbortBenchmark.RunAsync(),
    ["fleet", var kind, var folder] => await BridgeBenchmark.RunFleetAsync(kind, folder),
    ["hostile"] => await HostileBenchmark.RunAsync(),
    ["hostile-guests", var folder] => await HostileBenchmark.RunGuestsAsync(folder),
    ["incidents"] => await IncidentBenchmark.RunAsync(),
    ["intents", var folder] => IntentWriter.Run(folder),
    ["status"] => StatusBenchmark.Run() + await StatusCommandBenchmark.RunAsync(),
    ["storage"] => await StorageBenchmark.RunAsync(),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine(
        "usage: benchmarks xenstore|channel|bridge|hostile|decisions|status|storage|incidents|detection "
        + "(in tests/contained.sh; make bench does all)");
    return 64;
}
