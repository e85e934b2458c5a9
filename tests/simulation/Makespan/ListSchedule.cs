namespace Simulation.Makespan;

/// <summary>One guest that has to be healed.</summary>
/// <param name="Group">The LUN group it is on.</param>
/// <param name="Length">How long its recovery takes from its begin to its proof.</param>
internal sealed record HealingJob(int Group, TimeSpan Length);

/// <summary>
/// The greedy list schedule (Graham, 1966) of jobs under a cap a host and a cap a group: whenever a place is free, the
/// first job of the list that fits takes it. Knows nothing of the bridge.
/// </summary>
internal static class ListSchedule
{
    /// <summary>When the last job is done.</summary>
    public static TimeSpan Makespan(IReadOnlyList<HealingJob> jobs, int perHost, int perGroup)
    {
        var waiting = new LinkedList<HealingJob>(jobs);
        var running = new PriorityQueue<HealingJob, TimeSpan>();
        var inGroup = new Dictionary<int, int>();
        TimeSpan now = TimeSpan.Zero;
        while (waiting.Count > 0 || running.Count > 0)
        {
            LinkedListNode<HealingJob>? next = waiting.First;
            while (next is not null && running.Count < perHost)
            {
                LinkedListNode<HealingJob>? after = next.Next;
                int used = inGroup.GetValueOrDefault(next.Value.Group);
                if (used < perGroup)
                {
                    inGroup[next.Value.Group] = used + 1;
                    running.Enqueue(next.Value, now + next.Value.Length);
                    waiting.Remove(next);
                }

                next = after;
            }

            if (running.TryDequeue(out HealingJob? done, out TimeSpan end))
            {
                now = end;
                inGroup[done.Group]--;
            }
        }

        return now;
    }
}
