package dev.bowline.recipe;

import dev.bowline.NearestNames;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;

/// One key of a recipe. A [Section] makes it; its declaration is the only place that states its name, type,
/// default and description.
///
/// @param path dotted, from the top: `optimizer.lr`
/// @param aliases other names for it in the same section
/// @param autoModelPaths dotted keys of NeMo AutoModel with the same meaning
/// @param doc one line for the guide
record Key<T>(
        String path,
        List<String> aliases,
        List<String> autoModelPaths,
        KeyType<T> type,
        Default<T> byDefault,
        String doc) {

    /// The value of a key that is not given.
    sealed interface Default<T> {

        static <T> Default<T> required() {
            return new Required<>();
        }

        /// @param reason for this value
        static <T> Default<T> of(T value, String reason) {
            return new Fixed<>(value, reason);
        }

        /// @param reason for the guide and for `explain`
        static <T> Default<T> from(Function<RecipeValues, T> value, String reason) {
            return new Derived<>(value, reason, _ -> reason);
        }
    }

    /// The key must be given.
    record Required<T>() implements Default<T> {}

    record Fixed<T>(T value, String reason) implements Default<T> {}

    /// The value follows from keys that come before it in the schema, or that were given.
    ///
    /// @param reason for the guide
    /// @param explained completes "default: …" for one recipe
    record Derived<T>(Function<RecipeValues, T> value, String reason, Function<RecipeValues, String> explained)
            implements Default<T> {}

    /// The names of a key.
    ///
    /// @param name in its section
    /// @param aliases other names in the section
    /// @param autoModel dotted keys of NeMo AutoModel that are plain renames of this key
    record Names(String name, List<String> aliases, List<String> autoModel) {

        static Names of(String name) {
            return new Names(name, List.of(), List.of());
        }

        Names alias(String alias) {
            return new Names(name, List.of(alias), autoModel);
        }

        Names autoModel(String... paths) {
            return new Names(name, aliases, List.of(paths));
        }
    }

    Key {
        aliases = List.copyOf(aliases);
        autoModelPaths = List.copyOf(autoModelPaths);
    }

    /// The mapping that contains the key, empty for the top.
    String section() {
        return path.substring(0, Math.max(0, path.lastIndexOf('.')));
    }

    /// The first segment of the path: a section, or the key itself.
    String topSection() {
        return segments(path).getFirst();
    }

    String name() {
        return path.substring(path.lastIndexOf('.') + 1);
    }

    boolean answersTo(String name) {
        return name.equals(name()) || aliases.contains(name);
    }

    /// Holds a value of a program to the rule for values in a file.
    ///
    /// @throws IllegalArgumentException if a file must not have the value
    void require(T value) {
        type.require(path, value);
    }

    static List<String> segments(String path) {
        return Arrays.asList(path.split("\\.", -1));
    }

    /// The known name with the nearest spelling.
    static Optional<String> nearest(String written, Collection<String> known) {
        return NearestNames.of(normalized(written), known, 1).stream().findFirst();
    }

    /// The known name that has the written words and more, or some of them: `torch_dtype` for `dtype`.
    static Optional<String> withSameWords(String written, Collection<String> known) {
        String words = normalized(written);
        return known.stream().filter(name -> extend(words, name)).findFirst();
    }

    private static boolean extend(String written, String name) {
        return name.endsWith("_" + written)
                || name.startsWith(written + "_")
                || written.endsWith("_" + name)
                || written.startsWith(name + "_");
    }

    private static String normalized(String name) {
        return name.strip().toLowerCase(Locale.ROOT).replace('-', '_').replace(' ', '_');
    }
}
