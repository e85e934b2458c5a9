using HostBridge;
using Protocol;

DaemonSignals.EndOnTerminate();
return await CommandLine.RunAsync(args).ConfigureAwait(false);
