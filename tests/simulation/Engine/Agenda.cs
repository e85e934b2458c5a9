namespace Simulation.Engine;

/// <summary>Virtual time, and everything that will happen, in the order of time; together means as it was added.</summary>
internal sealed class Agenda
{
    private readonly PriorityQueue<Action, (long Ticks, long Order)> _events = new(256);
    private long _order;

    /// <summary>Now, since the begin of the run.</summary>
    public TimeSpan Now { get; private set; }

    /// <summary>How many events came to pass.</summary>
    public long Count { get; private set; }

    /// <summary>Adds an event, after some time.</summary>
    public void In(TimeSpan time, Action happening)
        => _events.Enqueue(happening, ((Now + time).Ticks, _order++));

    /// <summary>Lets everything up to a moment happen, or up to the moment at which the run is to stop.</summary>
    public void RunUntil(TimeSpan end, Func<bool> isOver)
    {
        while (_events.TryPeek(out Action? happening, out (long Ticks, long Order) key) && key.Ticks <= end.Ticks)
        {
            if (isOver())
            {
                return;
            }

            _events.Dequeue();
            Now = new TimeSpan(key.Ticks);
            Count++;
            happening();
        }

        Now = end;
    }
}
