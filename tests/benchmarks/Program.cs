using Benchmarks.Storage;
using Benchmarks.Xenstore;

return args switch
{
    ["xenstore"] => await XenstoreBenchmark.RunAsync(),
    ["storage"] => await StorageBenchmark.RunAsync(),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: benchmarks xenstore|storage (in tests/contained.sh, as root; make bench does both)");
    return 64;
}
