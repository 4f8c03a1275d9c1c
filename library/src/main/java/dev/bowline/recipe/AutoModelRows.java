package dev.bowline.recipe;

import dev.bowline.recipe.AutoModelKey.Treatment;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/// The rows of [AutoModelKeys] while they are written, each key once.
final class AutoModelRows {

    private final Map<String, Treatment> rows = new LinkedHashMap<>();

    void put(Treatment treatment, String... paths) {
        for (String path : paths) {
            if (rows.putIfAbsent(path, treatment) != null) {
                throw new IllegalStateException(path + " has two rows");
            }
        }
    }

    /// @param names separated by spaces
    static String[] in(String section, String names) {
        return Arrays.stream(names.split(" ")).map(name -> section + "." + name).toArray(String[]::new);
    }

    Map<String, Treatment> all() {
        return rows;
    }
}
