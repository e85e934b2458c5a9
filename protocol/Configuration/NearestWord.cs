namespace Protocol.Configuration;

/// <summary>Finds what somebody meant who mistyped a word.</summary>
public static class NearestWord
{
    /// <summary>The longest word that is compared: nobody mistypes more.</summary>
    private const int MaxLength = 64;

    /// <summary>
    /// The known word with the fewest letters added, left out, changed or swapped with their neighbour (optimal string
    /// alignment distance); null when none is near: at most every third letter, and two in a short word.
    /// </summary>
    public static string? Of(string word, IEnumerable<string> known)
    {
        if (word.Length is 0 or > MaxLength)
        {
            return null;
        }

        int limit = Math.Max(2, word.Length / 3);
        return known.Select(one => (Word: one, Distance: Distance(word, one)))
            .Where(one => one.Distance <= limit && one.Distance < one.Word.Length)
            .OrderBy(one => one.Distance)
            .Select(one => one.Word)
            .FirstOrDefault();
    }

    private static int Distance(string one, string other)
    {
        int[,] edits = new int[one.Length + 1, other.Length + 1];
        for (int i = 0; i <= one.Length; i++)
        {
            for (int j = 0; j <= other.Length; j++)
            {
                edits[i, j] = i == 0 || j == 0 ? i + j : Math.Min(
                    Math.Min(edits[i - 1, j], edits[i, j - 1]) + 1,
                    edits[i - 1, j - 1] + (one[i - 1] == other[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1])
                {
                    edits[i, j] = Math.Min(edits[i, j], edits[i - 2, j - 2] + 1);
                }
            }
        }

        return edits[one.Length, other.Length];
    }
}
