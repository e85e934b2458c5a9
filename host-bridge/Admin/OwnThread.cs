namespace HostBridge.Admin;

/// <summary>
/// Runs something that may hang in the kernel (reading a file on a dead disk, starting a program from one) on a thread
/// of its own, which can be left behind: it does not keep the program from ending.
/// </summary>
internal static class OwnThread
{
    /// <summary>Begins; throws <see cref="TimeoutException"/> when it is not done within the limit.</summary>
    public static Task<T> RunAsync<T>(string name, Func<Task<T>> work, TimeSpan limit)
    {
        var begun = new TaskCompletionSource<Task<T>>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                begun.SetResult(work());
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                begun.SetException(failure);
            }
        })
        {
            IsBackground = true,
            Name = name,
        };
        thread.Start();
        return begun.Task.Unwrap().WaitAsync(limit);
    }
}
