package dev.bowline.recipe;

import dev.bowline.recipe.Key.Default;
import dev.bowline.recipe.Key.Names;
import java.util.ArrayList;
import java.util.List;

/// The keys of one mapping of a recipe, in the order of the guide. One call of [#key] declares a key.
final class Section {

    private final String path;
    private final List<Key<?>> keys = new ArrayList<>();

    /// @param path of the mapping, empty for the top
    Section(String path) {
        this.path = path;
    }

    /// @param doc one line for the guide
    <T> Key<T> key(String name, KeyType<T> type, Default<T> byDefault, String doc) {
        return key(Names.of(name), type, byDefault, doc);
    }

    <T> Key<T> key(Names names, KeyType<T> type, Default<T> byDefault, String doc) {
        String keyPath = path.isEmpty() ? names.name() : path + "." + names.name();
        Key<T> key = new Key<>(keyPath, names.aliases(), names.autoModel(), type, byDefault, doc);
        keys.add(key);
        return key;
    }

    String path() {
        return path;
    }

    /// Every declared key.
    List<Key<?>> keys() {
        return List.copyOf(keys);
    }
}
