package dev.bowline.recipe;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Every key of the schema with its value and its origin.
///
/// @param settings in the order of the schema
public record EffectiveSettings(List<Setting> settings) {

    /// @param key dotted
    /// @param value as YAML; empty when the key's whole section is absent
    public record Setting(String key, Optional<String> value, Origin origin) {}

    public EffectiveSettings {
        settings = List.copyOf(settings);
    }

    static EffectiveSettings of(RecipeSchema schema, RecipeValues values) {
        List<Setting> all = new ArrayList<>();
        for (Key<?> key : schema.keys()) {
            all.add(new Setting(
                    key.path(),
                    values.yaml(key),
                    values.origin(key).orElse(new Origin.Default("there is no %s".formatted(key.topSection())))));
        }
        return new EffectiveSettings(all);
    }

    /// The settings, with one row for a section that is absent.
    public List<Setting> rows() {
        List<Setting> rows = new ArrayList<>();
        for (Setting setting : settings) {
            Setting row = setting.value().isPresent()
                    ? setting
                    : new Setting(Key.segments(setting.key()).getFirst(), setting.value(), setting.origin());
            if (!rows.contains(row)) {
                rows.add(row);
            }
        }
        return rows;
    }

    /// A recipe with every value and absolute paths: loading it gives the same records from any directory.
    public String toYaml() {
        StringBuilder yaml = new StringBuilder();
        List<String> open = List.of();
        for (Setting setting : settings) {
            if (setting.value().isEmpty()) {
                continue;
            }
            List<String> path = Key.segments(setting.key());
            for (int depth = 0; depth < path.size() - 1; depth++) {
                if (!path.subList(0, depth + 1).equals(open.subList(0, Math.min(depth + 1, open.size())))) {
                    yaml.append("  ".repeat(depth)).append(path.get(depth)).append(":\n");
                    open = path.subList(0, depth + 1);
                }
            }
            yaml.append("  ".repeat(path.size() - 1))
                    .append("%s: %s\n".formatted(path.getLast(), setting.value().get()));
        }
        return yaml.toString();
    }
}
