using static HostBridge.Admin.Views.Block;

namespace HostBridge.Admin.Views;

/// <summary>What a command did, for a person.</summary>
internal static class ActView
{
    /// <summary>Lays it out: of a dry run also all that stands in the way.</summary>
    public static IReadOnlyList<Block> Of(ActDocument document)
        =>
        [
            new Line(document.Text, document.Accepted ? Tone.Good : Tone.Bad),
            .. document.DryRun
                ? document.Hindrances.SelectMany(one => (Block[])
                [
                    new Line(
                        $"- {one.Text}{(one.YieldsToRecover ? " (this command goes over it)" : string.Empty)}",
                        Tone.Plain,
                        Indent: 2),
                    .. one.YieldsToRecover ? Array.Empty<Block>() : [new Line($"-> {one.Remedy}", Tone.Plain, Indent: 4)],
                ])
                : [],
        ];
}
