package dev.bowline;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/// Suggests known names for an unknown name.
public final class NearestNames {

    private NearestNames() {}

    /// The known names within reach of `wanted`, nearest first, at most `limit`; empty when nothing is similar.
    ///
    /// Within reach means an edit distance of at most a third of the longer name. Names compare without case.
    public static List<String> of(String wanted, Collection<String> known, int limit) {
        record Candidate(String name, int distance) {}
        String lowered = lower(wanted);
        List<Candidate> candidates = new ArrayList<>();
        for (String name : known) {
            int reach = Math.max(1, Math.max(wanted.length(), name.length()) / 3);
            int distance = distance(lowered, lower(name), reach);
            if (distance <= reach) {
                candidates.add(new Candidate(name, distance));
            }
        }
        return candidates.stream()
                .sorted(Comparator.comparingInt(Candidate::distance).thenComparing(Candidate::name))
                .limit(limit)
                .map(Candidate::name)
                .toList();
    }

    /// Half a sentence for the end of an error: ` (nearest: 'a', 'b')`, or nothing when no known name is similar.
    public static String hint(String wanted, Collection<String> known) {
        List<String> nearest = of(wanted, known, 3);
        return nearest.isEmpty() ? "" : " (nearest: '" + String.join("', '", nearest) + "')";
    }

    private static String lower(String name) {
        return name.toLowerCase(Locale.ROOT);
    }

    /// Levenshtein's distance, or `limit + 1` if it exceeds `limit`.
    private static int distance(String left, String right, int limit) {
        if (Math.abs(left.length() - right.length()) > limit) {
            return limit + 1;
        }
        int[] above = new int[right.length() + 1];
        int[] row = new int[right.length() + 1];
        for (int j = 0; j <= right.length(); j++) {
            above[j] = j;
        }
        for (int i = 1; i <= left.length(); i++) {
            row[0] = i;
            int smallest = i;
            for (int j = 1; j <= right.length(); j++) {
                int replaced = above[j - 1] + (left.charAt(i - 1) == right.charAt(j - 1) ? 0 : 1);
                row[j] = Math.min(replaced, Math.min(above[j], row[j - 1]) + 1);
                smallest = Math.min(smallest, row[j]);
            }
            if (smallest > limit) {
                return limit + 1;
            }
            int[] spare = above;
            above = row;
            row = spare;
        }
        return above[right.length()];
    }
}
