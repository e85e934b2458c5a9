using HostBridge;

return await CommandLine.RunAsync(args).ConfigureAwait(false);
