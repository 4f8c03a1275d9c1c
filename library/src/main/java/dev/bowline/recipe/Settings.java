package dev.bowline.recipe;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The value and the origin of every key, given or by default.
///
/// It remembers which values were taken into the recipe, so that a key which is declared and validated but never used
/// is found out ([#unused]).
final class Settings {

    private final Path source;
    private final Map<String, Setting<?>> settings = new HashMap<>();
    private final Map<String, Origin> sections = new LinkedHashMap<>();
    private final Set<String> used = new HashSet<>();

    private record Setting<T>(T value, Origin origin) {}

    /// @param source the recipe, absolute
    Settings(Path source) {
        this.source = source;
    }

    Path source() {
        return source;
    }

    <T> void put(Key<T> key, T value, Origin origin) {
        settings.put(key.path(), new Setting<>(value, origin));
    }

    void putSection(String path, Origin at) {
        sections.put(path, at);
    }

    boolean hasSection(String path) {
        return sections.containsKey(path);
    }

    /// Where a section or the nearest one around it is written.
    Origin section(String path) {
        String section = path;
        while (!section.isEmpty()) {
            Origin at = sections.get(section);
            if (at != null) {
                return at;
            }
            section = section.substring(0, Math.max(0, section.lastIndexOf('.')));
        }
        return sections.getOrDefault("", new Origin.InFile(source, 1, 1));
    }

    /// The value, for the recipe.
    <T> T use(Key<T> key) {
        used.add(key.path());
        return find(key).orElseThrow(() -> new IllegalStateException(key.path() + " was not read"));
    }

    /// The value, if there is a sound one so far.
    <T> Optional<T> find(Key<T> key) {
        return setting(key).map(Setting::value);
    }

    Optional<Origin> origin(Key<?> key) {
        return setting(key).map(Setting::origin);
    }

    /// Whether the file or a flag says it.
    boolean isGiven(Key<?> key) {
        return origin(key).filter(Origin::isGiven).isPresent();
    }

    /// Where to change the first of `keys` that was given; if none was, where the first would stand.
    Origin where(Key<?>... keys) {
        for (Key<?> key : keys) {
            if (isGiven(key)) {
                return origin(key).orElseThrow();
            }
        }
        return section(keys[0].section());
    }

    /// The value as YAML, or empty if the key has none.
    <T> Optional<String> yaml(Key<T> key) {
        return find(key).map(key.kind().writer());
    }

    /// Keys that have a value which nothing took.
    List<String> unused() {
        return settings.keySet().stream()
                .filter(path -> !used.contains(path))
                .sorted()
                .toList();
    }

    /// Only [#put] writes, and it ties the type of the value to the type of the key.
    @SuppressWarnings("unchecked")
    private <T> Optional<Setting<T>> setting(Key<T> key) {
        return Optional.ofNullable((Setting<T>) settings.get(key.path()));
    }
}
