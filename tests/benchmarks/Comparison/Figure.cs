namespace Benchmarks.Comparison;

/// <summary>A number that a benchmark printed.</summary>
/// <param name="Name">What stands around it: the row and the column of a table, or the words of its clause.</param>
/// <param name="Value">The number, in the unit that the name holds.</param>
internal readonly record struct Figure(string Name, double Value);
