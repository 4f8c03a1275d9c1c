package dev.bowline.recipe;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/// The value and the origin of every key, given or by default, and the checks that need more than one key.
///
/// The class remembers which values were taken into the recipe, so that [#unused] finds a key that is declared
/// and never used.
final class RecipeValues {

    private final Path source;
    private final Diagnostics diagnostics;
    private final Map<String, Value<?>> values = new HashMap<>();
    private final Map<String, Origin> sections = new LinkedHashMap<>();
    private final Set<String> used = new HashSet<>();

    private record Value<T>(T value, Origin origin) {}

    /// Two values that contradict each other.
    record Conflict(String problem, String fix) {

        /// @throws IllegalArgumentException with the problem, if there is one: a program gave the values
        static void refuse(Optional<Conflict> conflict) {
            conflict.ifPresent(found -> {
                throw new IllegalArgumentException(found.problem);
            });
        }
    }

    /// @param source the recipe, absolute
    RecipeValues(Path source, Diagnostics diagnostics) {
        this.source = source;
        this.diagnostics = diagnostics;
    }

    Path source() {
        return source;
    }

    <T> void put(Key<T> key, T value, Origin origin) {
        values.put(key.path(), new Value<>(value, origin));
    }

    void putSection(String path, Origin at) {
        sections.put(path, at);
    }

    boolean hasSection(String path) {
        return sections.containsKey(path);
    }

    /// The position of a section, or of the nearest one around it.
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

    /// The value, if there is a valid one so far.
    <T> Optional<T> find(Key<T> key) {
        return value(key).map(Value::value);
    }

    /// The value of a key that may be null, if there is a valid one that is not null.
    <T> Optional<T> findSome(Key<Optional<T>> key) {
        return find(key).flatMap(value -> value);
    }

    <T> boolean is(Key<T> key, T expected) {
        return find(key).filter(expected::equals).isPresent();
    }

    Optional<Origin> origin(Key<?> key) {
        return value(key).map(Value::origin);
    }

    /// True if the file, a flag or a program gives the key.
    boolean isGiven(Key<?> key) {
        return origin(key).filter(Origin::isGiven).isPresent();
    }

    /// The position of the first of `keys` that is given; otherwise the section of the first.
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
        return find(key).map(key.type()::write);
    }

    /// Reports a problem at the first of `at` that is given.
    void refuse(String problem, String fix, Key<?>... at) {
        diagnostics.problem(where(at), problem, fix);
    }

    void refuse(Optional<Conflict> conflict, Key<?>... at) {
        conflict.ifPresent(found -> refuse(found.problem, found.fix, at));
    }

    /// Refuses two keys that are given and say one thing differently. The problem is at the second, and names the
    /// position of the first.
    void refuseDifference(Key<?> first, Key<?> second) {
        refuse(
                "%s: %s contradicts %s: %s at %s"
                        .formatted(
                                second.path(),
                                yaml(second).orElseThrow(),
                                first.name(),
                                yaml(first).orElseThrow(),
                                where(first)),
                "remove one of the two",
                second);
    }

    /// Refuses a key that is given and asks for something that another value rules out.
    ///
    /// @param when completes "KEY has no effect …"
    <T> void refuseWithoutEffect(Key<T> key, Predicate<T> asksForSomething, String when) {
        if (isGiven(key) && find(key).filter(asksForSomething).isPresent()) {
            refuse("%s has no effect %s".formatted(key.path(), when), "remove one of the two", key);
        }
    }

    /// [#refuseWithoutEffect] for any value but the default.
    <T> void refuseWithoutEffect(Key<T> key, String when) {
        switch (key.byDefault()) {
            case Key.Fixed<T>(T usual, var _) -> refuseWithoutEffect(key, value -> !value.equals(usual), when);
            case Key.Required<T>(), Key.Derived<T>(var _, var _, var _) ->
                throw new IllegalStateException(key.path() + " has no fixed default");
        }
    }

    /// Keys that have a value which nothing took.
    List<String> unused() {
        return values.keySet().stream()
                .filter(path -> !used.contains(path))
                .sorted()
                .toList();
    }

    /// Only [#put] writes, and it ties the type of the value to the type of the key.
    @SuppressWarnings("unchecked")
    private <T> Optional<Value<T>> value(Key<T> key) {
        return Optional.ofNullable((Value<T>) values.get(key.path()));
    }
}
