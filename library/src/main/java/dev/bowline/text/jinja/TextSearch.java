package dev.bowline.text.jinja;

/// Finds one text in another in a time that grows with their lengths and not with the product of both.
///
/// `String.indexOf` compares at every position anew: a text of a million `a` in one of sixty million would take
/// hours.
final class TextSearch {

    /// The largest product of lengths that `String` may search: a fraction of a second in the worst case.
    private static final long DIRECT = 1L << 28;

    private TextSearch() {}

    /// @return the first place at or after `from`, or -1
    static int indexOf(String text, String sought, int from) {
        int found = find(text, sought, from);
        int end = found < 0 ? text.length() : found + sought.length();
        RenderBudget.read(end - from);
        return found;
    }

    private static int find(String text, String sought, int from) {
        int length = text.length() - from;
        if (sought.length() > length) {
            return sought.isEmpty() && from >= text.length() ? text.length() : -1;
        }
        if ((long) sought.length() * length <= DIRECT) {
            return text.indexOf(sought, from);
        }
        int[] borders = borders(sought);
        int matched = 0;
        for (int at = from; at < text.length(); at++) {
            while (matched > 0 && sought.charAt(matched) != text.charAt(at)) {
                matched = borders[matched - 1];
            }
            if (sought.charAt(matched) == text.charAt(at)) {
                matched++;
            }
            if (matched == sought.length()) {
                return at + 1 - matched;
            }
        }
        return -1;
    }

    /// @return the last place that begins at or before `from`, or -1
    static int lastIndexOf(String text, String sought, int from) {
        int end = (int) Math.min(text.length(), (long) from + sought.length());
        if (end < sought.length()) {
            return -1;
        }
        if ((long) sought.length() * end <= DIRECT) {
            int found = text.lastIndexOf(sought, from);
            RenderBudget.read(end - Math.max(0, found));
            return found;
        }
        RenderBudget.made(end + (long) sought.length());
        String backwards = new StringBuilder(text.substring(0, end)).reverse().toString();
        String soughtBackwards = new StringBuilder(sought).reverse().toString();
        int found = indexOf(backwards, soughtBackwards, 0);
        return found < 0 ? -1 : end - found - sought.length();
    }

    /// For each prefix, the length of the longest shorter prefix that it ends with (Knuth, Morris and Pratt).
    private static int[] borders(String sought) {
        RenderBudget.made(2L * sought.length());
        int[] borders = new int[sought.length()];
        int matched = 0;
        for (int at = 1; at < sought.length(); at++) {
            while (matched > 0 && sought.charAt(matched) != sought.charAt(at)) {
                matched = borders[matched - 1];
            }
            if (sought.charAt(matched) == sought.charAt(at)) {
                matched++;
            }
            borders[at] = matched;
        }
        return borders;
    }
}
