package dev.bowline.recipe;

import dev.bowline.recipe.AutoModelKey.Treatment;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Every key of NeMo AutoModel's fine-tuning recipes that is not a key of Bowline's with the same meaning.
final class AutoModelKeys {

    private static final Map<String, Treatment> ROWS = rows();

    private AutoModelKeys() {}

    static Optional<Treatment> find(String path) {
        return Optional.ofNullable(ROWS.get(path));
    }

    /// Whether something in `section` has a row.
    static boolean isSection(String section) {
        return ROWS.keySet().stream().anyMatch(path -> path.startsWith(section + "."));
    }

    /// Names that may stand in `section`, empty for the top, besides those of the schema.
    static List<String> names(String section) {
        String prefix = section.isEmpty() ? "" : section + ".";
        return ROWS.keySet().stream()
                .filter(path -> path.startsWith(prefix))
                .map(path -> Key.segments(path.substring(prefix.length())).getFirst())
                .distinct()
                .toList();
    }

    static List<AutoModelKey> all() {
        return ROWS.entrySet().stream()
                .map(row -> new AutoModelKey(row.getKey(), row.getValue()))
                .toList();
    }

    private static Map<String, Treatment> rows() {
        AutoModelRows rows = new AutoModelRows();
        AutoModelRunKeys.addTo(rows);
        AutoModelDataKeys.addTo(rows);
        return rows.all();
    }
}
