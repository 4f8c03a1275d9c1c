package dev.bowline.recipe;

import java.util.Arrays;
import java.util.List;

/// One key of a recipe.
///
/// @param path dotted, from the top: `optimizer.lr`
/// @param aliases other names for it in the same section
/// @param doc one line for the guide
record Key<T>(String path, List<String> aliases, Kind<T> kind, Absent<T> absent, String doc) {

    Key {
        aliases = List.copyOf(aliases);
    }

    Key(String path, Kind<T> kind, Absent<T> absent, String doc) {
        this(path, List.of(), kind, absent, doc);
    }

    /// The mapping it stands in, empty for the top.
    String section() {
        return path.substring(0, Math.max(0, path.lastIndexOf('.')));
    }

    /// The section at the top of the recipe it belongs to, or itself if it stands there.
    String topSection() {
        return segments(path).getFirst();
    }

    String name() {
        return path.substring(path.lastIndexOf('.') + 1);
    }

    boolean answersTo(String name) {
        return name.equals(name()) || aliases.contains(name);
    }

    static List<String> segments(String path) {
        return Arrays.asList(path.split("\\.", -1));
    }
}
