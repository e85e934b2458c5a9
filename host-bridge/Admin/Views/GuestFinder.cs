using System.Globalization;
using HostBridge.Recovery;

namespace HostBridge.Admin.Views;

/// <summary>Finds the guest that a person means: by its name, its domain's number, its uuid, or the beginning of that.</summary>
internal static class GuestFinder
{
    /// <summary>Fewer letters of a uuid than this mean none.</summary>
    private const int LeastPrefix = 4;

    /// <summary>The guest, or in words why there is none.</summary>
    /// <param name="guests">Every guest.</param>
    /// <param name="wanted">What the person wrote.</param>
    /// <param name="reason">Why none; empty when there is one.</param>
    public static GuestPicture? Find(IReadOnlyList<GuestPicture> guests, string wanted, out string reason)
    {
        reason = string.Empty;
        foreach (Func<GuestRecord, bool> means in Meanings(wanted))
        {
            List<GuestPicture> found = [.. guests.Where(guest => means(guest.Record))];
            // One that is gone and remembered may have the same name.
            List<GuestPicture> here = [.. found.Where(one => one.Record.Domain is not null)];
            if (found.Count == 1 || here.Count == 1)
            {
                return here.Count == 1 ? here[0] : found[0];
            }

            if (found.Count > 1)
            {
                reason = $"\"{wanted}\" means {found.Count} guests; give the uuid: "
                    + string.Join(", ", found.Take(4).Select(one => $"{one.Record.Identity.Name} {one.Record.Identity.Uuid}"));
                return null;
            }
        }

        reason = $"no guest \"{wanted}\" is known here; host-bridge status --all lists every guest";
        return null;
    }

    private static List<Func<GuestRecord, bool>> Meanings(string wanted)
    {
        List<Func<GuestRecord, bool>> meanings = [guest => guest.Identity.Name == wanted];
        if (int.TryParse(wanted, NumberStyles.None, CultureInfo.InvariantCulture, out int domain))
        {
            meanings.Add(guest => guest.Domain?.Value == domain);
        }

        if (wanted.Length >= LeastPrefix)
        {
            meanings.Add(guest => guest.Identity.Uuid.ToString("D").StartsWith(wanted, StringComparison.OrdinalIgnoreCase));
        }

        return meanings;
    }
}
