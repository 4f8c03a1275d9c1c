package dev.bowline.recipe;

import dev.bowline.NearestNames;
import java.util.Collection;
import java.util.Locale;
import java.util.Optional;

/// Which of the known names somebody most likely meant.
final class NearestKey {

    private NearestKey() {}

    static Optional<String> bySpelling(String written, Collection<String> known) {
        return NearestNames.of(plain(written), known, 1).stream().findFirst();
    }

    /// The one that says the same in more or fewer words: `torch_dtype` for `dtype`, `num_epochs` for `epochs`.
    static Optional<String> byWords(String written, Collection<String> known) {
        String plain = plain(written);
        return known.stream().filter(name -> sharesWords(plain, name)).findFirst();
    }

    private static boolean sharesWords(String written, String name) {
        return name.endsWith("_" + written)
                || name.startsWith(written + "_")
                || written.endsWith("_" + name)
                || written.startsWith(name + "_");
    }

    private static String plain(String name) {
        return name.strip().toLowerCase(Locale.ROOT).replace('-', '_').replace(' ', '_');
    }
}
