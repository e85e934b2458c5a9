using System.Globalization;
using System.Text;
using GuestAgent.Detection;
using GuestAgent.Linux;
using Mono.Unix.Native;

namespace GuestAgent.Reporting.Carriers;

/// <summary>
/// What the service manager is told, sd_notify(3): datagrams without waiting. The watchdog is fed by the poll loop
/// itself, so that a loop that is stuck is found out. What the manager does not take is counted and said again a
/// second later, in its newest form.
/// </summary>
internal sealed unsafe class ServiceManager : IDisposable
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    private readonly byte[]? _address;
    private readonly int _socket = -1;
    private readonly TimeSpan? _feedInterval;
    private string _status = string.Empty;
    private string _toldStatus = string.Empty;
    private string _unsaid = string.Empty;
    private bool _isReady;
    private Moment? _feedAt;
    private Moment? _retryAt;

    /// <summary>As the environment says; without a manager everything here does nothing.</summary>
    /// <param name="socket">NOTIFY_SOCKET: a path, or an abstract name after <c>@</c>; null or empty: no manager.</param>
    /// <param name="watchdogUsec">WATCHDOG_USEC: the manager's patience, in microseconds.</param>
    public ServiceManager(string? socket, string? watchdogUsec)
    {
        _address = UnixAddress.TryMake(socket ?? string.Empty);
        if (_address is null)
        {
            return;
        }

        const int type = Libc.SocketDatagram | Libc.SocketNonBlocking | Libc.SocketCloseOnExec;
        _socket = Libc.Socket(Libc.FamilyUnix, type, 0);
        if (long.TryParse(watchdogUsec, NumberStyles.None, CultureInfo.InvariantCulture, out long limit) && limit > 0)
        {
            // sd_watchdog_enabled(3) recommends half of the limit.
            _feedInterval = TimeSpan.FromMicroseconds(limit / 2.0);
        }
    }

    /// <summary>Messages that were not taken so far.</summary>
    public long Dropped { get; private set; }

    /// <summary>When there is something to say though nothing happens; null when there is not.</summary>
    public Moment? Due(Moment now)
        => _socket < 0 || !_isReady ? null
            : _unsaid.Length > 0 ? _retryAt ?? now
            : _feedInterval is null ? null
            : _feedAt ?? now;

    /// <summary>Everything is open and the first look is done.</summary>
    public void TellReady()
    {
        _isReady = true;
        _unsaid = "READY=1\n";
    }

    /// <summary>One line for <c>systemctl status</c>; the same again is not sent again.</summary>
    public void TellStatus(string line)
    {
        _status = line == _toldStatus ? _status : line;
        _toldStatus = line;
    }

    /// <summary>Says what is due. Called in each turn of the poll loop.</summary>
    public void Turn(Moment now)
    {
        if (_socket < 0 || !_isReady || _retryAt?.HasCome(now) == false)
        {
            return;
        }

        if (_status.Length > 0)
        {
            _unsaid = $"{(_unsaid.StartsWith("READY", StringComparison.Ordinal) ? "READY=1\n" : "")}STATUS={_status}\n";
            _status = string.Empty;
        }

        bool feeds = _feedInterval is not null && _feedAt?.HasCome(now) != false;
        string message = feeds ? $"{_unsaid}WATCHDOG=1\n" : _unsaid;
        if (message.Length == 0)
        {
            return;
        }

        bool isTaken = Send(message);
        _unsaid = isTaken ? string.Empty : _unsaid;
        _retryAt = isTaken ? null : now + RetryAfter;
        if (feeds)
        {
            _feedAt = now + (isTaken ? _feedInterval!.Value : RetryAfter);
        }
    }

    /// <summary>Says that the agent ends.</summary>
    public void Dispose()
    {
        if (_socket >= 0)
        {
            _ = Send("STOPPING=1\n");
            _ = Syscall.close(_socket);
        }
    }

    private bool Send(string message)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(message);
        fixed (byte* start = bytes, address = _address)
        {
            nint size = Libc.SendTo(
                _socket, start, (nuint)bytes.Length, Libc.SendWithoutSignal, address, (uint)_address!.Length);
            Dropped += size < 0 ? 1 : 0;
            return size >= 0;
        }
    }
}
