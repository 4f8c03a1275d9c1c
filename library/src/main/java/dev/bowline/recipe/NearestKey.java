package dev.bowline.recipe;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/// Which of the known names somebody most likely meant.
final class NearestKey {

    private static final int LONGEST_NAME = 64;

    private NearestKey() {}

    /// The nearest of `known` to `written`, or empty if none is near.
    static Optional<String> of(String written, Collection<String> known) {
        String plain = plain(written);
        if (plain.isEmpty() || plain.length() > LONGEST_NAME) {
            return Optional.empty();
        }
        Optional<String> nearest = known.stream().min(Comparator.comparingInt(name -> distance(plain, plain(name))));
        int near = Math.max(1, plain.length() / 3);
        return nearest.filter(name -> distance(plain, plain(name)) <= near)
                .or(() -> known.stream()
                        .filter(name -> sharesAnEnd(plain, plain(name)))
                        .findFirst());
    }

    /// `dtype` for `torch_dtype`, `epochs` for `num_epochs`.
    private static boolean sharesAnEnd(String written, String name) {
        return name.endsWith("_" + written)
                || name.startsWith(written + "_")
                || written.endsWith("_" + name)
                || written.startsWith(name + "_");
    }

    private static String plain(String name) {
        return name.toLowerCase(Locale.ROOT).replace('-', '_').replace(' ', '_');
    }

    /// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`.
    private static int distance(String a, String b) {
        int[][] d = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                if (i == 0 || j == 0) {
                    d[i][j] = i + j;
                    continue;
                }
                int change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
                d[i][j] = Math.min(d[i - 1][j - 1] + change, 1 + Math.min(d[i - 1][j], d[i][j - 1]));
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
                }
            }
        }
        return d[a.length()][b.length()];
    }
}
