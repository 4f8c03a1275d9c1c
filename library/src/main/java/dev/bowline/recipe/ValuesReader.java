package dev.bowline.recipe;

import dev.bowline.recipe.YamlValue.Entry;
import dev.bowline.recipe.YamlValue.Mapping;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Reads a YAML tree with the schema. Every key of the tree is read or reported as a problem, and every key of
/// the schema gets a value or is reported as missing.
final class ValuesReader {

    private final RecipeSchema schema;
    private final Diagnostics diagnostics;
    private final RecipeValues values;

    /// Keys and sections that already have a problem and get no second one.
    private final Set<String> broken = new HashSet<>();

    private final AutoModelDefaults defaults;

    private ValuesReader(RecipeSchema schema, Path source, Diagnostics diagnostics, AutoModelDefaults defaults) {
        this.schema = schema;
        this.diagnostics = diagnostics;
        this.values = new RecipeValues(source, diagnostics);
        this.defaults = defaults;
    }

    /// @param source the recipe, absolute
    static RecipeValues read(
            RecipeSchema schema, Path source, AutoModelRecipe.Translation recipe, Diagnostics diagnostics) {
        ValuesReader reader = new ValuesReader(schema, source, diagnostics, recipe.defaults());
        reader.broken.addAll(recipe.refused());
        reader.readGiven("", recipe.root());
        schema.keys().forEach(reader::readAbsent);
        return reader.values;
    }

    private void readGiven(String section, Mapping mapping) {
        values.putSection(section, mapping.at());
        for (Entry entry : mapping.entries()) {
            String path = inSection(section, entry.key());
            Optional<Key<?>> key = schema.key(section, entry.key());
            if (key.isPresent()) {
                readKey(key.get(), entry);
            } else if (schema.sections().contains(path)) {
                readSection(path, entry);
            } else {
                refuseUnknown(section, entry);
            }
        }
    }

    private void readSection(String path, Entry entry) {
        if (entry.value() instanceof Mapping mapping) {
            readGiven(path, new Mapping(mapping.entries(), entry.keyAt()));
            return;
        }
        broken.add(path);
        diagnostics.problem(
                entry.value().at(),
                "%s: expected a mapping, found %s".formatted(path, entry.value().found()),
                "give it keys (%s), or remove it".formatted(String.join(", ", schema.names(path))));
    }

    private <T> void readKey(Key<T> key, Entry entry) {
        if (values.isGiven(key) || broken.contains(key.path())) {
            readAgain(key, entry);
            return;
        }
        switch (key.type().parse(entry.value())) {
            case KeyType.Valid<T>(T value) ->
                values.put(key, value, entry.value().at());
            case KeyType.Invalid<T>(String fix, var part) -> {
                broken.add(key.path());
                KeyType.Part wrong =
                        part.orElseGet(() -> new KeyType.Part("", key.type().expected(), entry.value()));
                diagnostics.problem(
                        wrong.value().at(),
                        "%s%s: expected %s, found %s"
                                .formatted(
                                        key.path(),
                                        wrong.suffix(),
                                        wrong.expected(),
                                        wrong.value().found()),
                        fix);
            }
        }
    }

    /// A second spelling of a key. The same value again is no problem.
    private <T> void readAgain(Key<T> key, Entry entry) {
        boolean isSame = key.type().parse(entry.value()) instanceof KeyType.Valid<T>(T value) && values.is(key, value);
        if (isSame) {
            return;
        }
        String first = values.isGiven(key)
                ? "; the first is %s at %s"
                        .formatted(
                                values.yaml(key).orElseThrow(),
                                values.origin(key).orElseThrow())
                : "";
        diagnostics.problem(
                entry.keyAt(),
                "%s is given twice with different values, as %s and as %s%s"
                        .formatted(key.path(), key.name(), String.join(" or ", key.aliases()), first),
                "keep " + key.name());
    }

    private void refuseUnknown(String section, Entry entry) {
        List<String> names = schema.names(section);
        Optional<String> misspelt =
                Key.nearest(entry.key(), names).or(() -> Key.nearest(entry.key(), AutoModelKeys.names(section)));
        Optional<String> elsewhere = elsewhere(entry.key());
        Optional<String> meant =
                misspelt.isEmpty() && elsewhere.isEmpty() ? Key.withSameWords(entry.key(), names) : misspelt;
        meant.ifPresent(name -> broken.add(inSection(section, name)));
        diagnostics.problem(
                entry.keyAt(),
                "unknown key '%s'%s".formatted(entry.key(), section.isEmpty() ? "" : " in " + section),
                meant.map("did you mean '%s'?"::formatted)
                        .or(() -> elsewhere.map("did you mean '%s'? Check the indentation"::formatted))
                        .orElse("use one of " + String.join(", ", names)));
    }

    /// A key or section of that name in another place.
    private Optional<String> elsewhere(String name) {
        Optional<String> key = schema.keys().stream()
                .filter(known -> known.answersTo(name))
                .map(Key::path)
                .findFirst();
        return key.or(() -> schema.sections().stream()
                .filter(path -> path.endsWith("." + name) || path.equals(name))
                .sorted()
                .findFirst());
    }

    private static String inSection(String section, String name) {
        return section.isEmpty() ? name : section + "." + name;
    }

    private <T> void readAbsent(Key<T> key) {
        boolean sectionIsMissing = RecipeSchema.isOptional(key.topSection()) && !values.hasSection(key.topSection());
        if (values.isGiven(key) || sectionIsMissing || isBroken(key)) {
            return;
        }
        switch (defaults.of(key)) {
            case Key.Required<T>() ->
                diagnostics.problem(
                        values.section(key.section()),
                        "%s is missing: expected %s"
                                .formatted(key.path(), key.type().expected()),
                        "add it: %s".formatted(key.doc()));
            case Key.Fixed<T>(T value, String reason) -> values.put(key, value, defaults.origin(key, reason));
            case Key.Derived<T>(var value, var _, var told) ->
                values.put(key, value.apply(values), defaults.origin(key, told.apply(values)));
        }
    }

    private boolean isBroken(Key<?> key) {
        return broken.contains(key.path()) || broken.contains(key.section()) || broken.contains(key.topSection());
    }
}
