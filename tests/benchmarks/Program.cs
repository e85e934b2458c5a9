using Benchmarks.Xenstore;

return args switch
{
    ["xenstore"] => await XenstoreBenchmark.RunAsync(),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: benchmarks xenstore (in tests/contained.sh, as root; make bench does both)");
    return 64;
}
