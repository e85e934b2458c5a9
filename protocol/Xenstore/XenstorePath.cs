using System.Buffers;
using System.Globalization;
using Protocol.Health;

namespace Protocol.Xenstore;

/// <summary>
/// The rules for paths: letters, digits, <c>- / _ @</c>, no empty part, no slash at the end. A path that begins with
/// <c>/</c> is absolute; one that begins with <c>@</c> names a special event; any other is relative to the home of
/// the domain that asks.
/// </summary>
public static class XenstorePath
{
    private static readonly SearchValues<char> Allowed =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-/_@");

    /// <summary>Whether a path keeps the rules.</summary>
    public static bool IsValid(ReadOnlySpan<char> path) => FindFault(path) == PathFault.None;

    /// <summary>What is wrong with a path and what to do, for a person; null when it keeps the rules.</summary>
    public static string? Problem(string path)
    {
        PathFault fault = FindFault(path);
        if (fault == PathFault.None)
        {
            return null;
        }

        string shown = PercentEncoding.Encode(path.Length <= 80 ? path : path[..80]);
        return fault switch
        {
            PathFault.Empty => "the xenstore path is empty: give one such as /local/domain/5/data",
            PathFault.TooLong => string.Create(
                CultureInfo.InvariantCulture,
                $"the xenstore path {shown}… has {path.Length} characters: "
                + $"use at most {XenstoreLimits.MaxAbsolutePathLength}, or {XenstoreLimits.MaxRelativePathLength} "
                + $"when it does not begin with /"),
            PathFault.Character =>
                $"the xenstore path {shown} holds a character other than A-Z a-z 0-9 - / _ @: leave it out",
            PathFault.EmptyPart => $"the xenstore path {shown} holds two slashes in a row: leave one out",
            _ => $"the xenstore path {shown} ends with a slash: leave it out",
        };
    }

    /// <summary>Whether the path names a special event, such as <c>@releaseDomain</c>, instead of a node.</summary>
    public static bool IsSpecial(ReadOnlySpan<char> path) => path.StartsWith('@');

    /// <summary>Whether the path begins at the root of the store.</summary>
    public static bool IsAbsolute(ReadOnlySpan<char> path) => path.StartsWith('/');

    /// <summary>Whether a path is a folder itself or lies below it; both absolute or both relative.</summary>
    public static bool IsAtOrBelow(ReadOnlySpan<char> path, ReadOnlySpan<char> folder)
        => folder is "/"
            ? IsAbsolute(path)
            : path.StartsWith(folder, StringComparison.Ordinal)
                && (path.Length == folder.Length || path[folder.Length] == '/');

    private static PathFault FindFault(ReadOnlySpan<char> path)
    {
        int limit = IsAbsolute(path) ? XenstoreLimits.MaxAbsolutePathLength : XenstoreLimits.MaxRelativePathLength;
        return path switch
        {
            "" => PathFault.Empty,
            "/" => PathFault.None,
            _ when path.Length > limit => PathFault.TooLong,
            _ when path.ContainsAnyExcept(Allowed) => PathFault.Character,
            _ when path.Contains("//", StringComparison.Ordinal) => PathFault.EmptyPart,
            _ when path.EndsWith('/') => PathFault.SlashAtEnd,
            _ => PathFault.None,
        };
    }

    private enum PathFault
    {
        None,
        Empty,
        TooLong,
        Character,
        EmptyPart,
        SlashAtEnd,
    }
}
