using System.Diagnostics;
using System.Text;
using GuestAgent.Inquiries;
using GuestAgent.Linux;
using Mono.Unix.Native;

namespace GuestAgent.Reporting.Carriers;

/// <summary>The asking end of <see cref="StatusSocket"/>: one question, one answer, a limit.</summary>
internal static unsafe class AgentCall
{
    private const int MaxAnswerBytes = 256 * 1024;

    private static readonly TimeSpan Limit = InquiryDesk.ProbeLimit + TimeSpan.FromSeconds(2);

    /// <summary>Asks. The answer as it came; null with the reason, one line for a person.</summary>
    public static byte[]? TryAsk(string folder, Inquiry inquiry, out string trouble)
    {
        string path = StatusSocket.PathIn(folder);
        int socket = Connect(path, out trouble);
        if (socket < 0)
        {
            return null;
        }

        try
        {
            byte[] line = Encoding.ASCII.GetBytes($"{inquiry.ToLine()}\n");
            fixed (byte* start = line)
            {
                if (Libc.SendTo(socket, start, (nuint)line.Length, Libc.SendWithoutSignal, null, 0) != line.Length)
                {
                    trouble = $"{path} takes no question ({LastErrno.Name})";
                    return null;
                }
            }

            return Receive(socket, path, out trouble);
        }
        finally
        {
            _ = Syscall.close(socket);
        }
    }

    private static int Connect(string path, out string trouble)
    {
        trouble = string.Empty;
        if (UnixAddress.TryMake(path) is not { } address)
        {
            trouble = $"{path} is too long for a socket";
            return -1;
        }

        int socket = Libc.Socket(
            Libc.FamilyUnix, Libc.SocketStream | Libc.SocketNonBlocking | Libc.SocketCloseOnExec, 0);
        fixed (byte* start = address)
        {
            if (socket >= 0 && Libc.Connect(socket, start, (uint)address.Length) == 0)
            {
                return socket;
            }
        }

        trouble = LastErrno.Name switch
        {
            "ENOENT" or "ECONNREFUSED" => $"the agent does not run: nobody listens at {path}; start it",
            "EACCES" => $"{path} is for root alone; ask as root",
            "EAGAIN" => Busy(path),
            var errno => $"{path} cannot be reached ({errno})",
        };
        _ = socket >= 0 ? Syscall.close(socket) : 0;
        return -1;
    }

    private static byte[]? Receive(int socket, string path, out string trouble)
    {
        var answer = new byte[MaxAnswerBytes];
        int filled = 0;
        var poll = new PollSet();
        long start = Stopwatch.GetTimestamp();
        while (filled < answer.Length && Limit - Stopwatch.GetElapsedTime(start) is { Ticks: > 0 } left)
        {
            poll.Clear();
            poll.Add(socket, PollSet.In);
            poll.Wait(left);
            long size;
            fixed (byte* room = answer)
            {
                size = Syscall.read(socket, room + filled, (ulong)(answer.Length - filled));
            }

            if (size < 0 && LastErrno.IsForNow)
            {
                continue;
            }

            if (size <= 0)
            {
                trouble = filled == 0 ? Busy(path) : string.Empty;
                return filled == 0 ? null : answer[..filled];
            }

            filled += (int)size;
        }

        trouble = $"the agent behind {path} gave no answer within {Limit.TotalSeconds:0} s; see its log";
        return null;
    }

    private static string Busy(string path)
        => $"the agent behind {path} answers {StatusSocket.MaxClients} others; try again";
}
