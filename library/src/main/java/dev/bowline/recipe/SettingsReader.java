package dev.bowline.recipe;

import dev.bowline.recipe.YamlValue.Entry;
import dev.bowline.recipe.YamlValue.Mapping;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Holds a YAML tree against the schema: every key in it is read or becomes a problem, and every key of the schema
/// gets its value or becomes one.
final class SettingsReader {

    private final Problems problems;
    private final Settings settings;

    /// Keys and sections that something is already wrong with, so that nothing else is said about them.
    private final Set<String> broken = new HashSet<>();

    private final RecipeDefaults defaults;

    private SettingsReader(Path source, Problems problems, RecipeDefaults defaults) {
        this.problems = problems;
        this.settings = new Settings(source);
        this.defaults = defaults;
    }

    /// @param source the recipe, absolute
    static Settings read(Path source, AutoModelRecipe.Translation recipe, Problems problems) {
        SettingsReader reader = new SettingsReader(source, problems, recipe.defaults());
        reader.broken.addAll(recipe.refused());
        reader.readGiven("", recipe.root());
        RecipeSchema.KEYS.forEach(reader::readAbsent);
        return reader.settings;
    }

    private void readGiven(String section, Mapping mapping) {
        settings.putSection(section, mapping.at());
        for (Entry entry : mapping.entries()) {
            String path = inSection(section, entry.key());
            Optional<Key<?>> key = RecipeSchema.key(section, entry.key());
            if (key.isPresent()) {
                readKey(key.get(), entry);
            } else if (RecipeSchema.SECTIONS.contains(path)) {
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
        problems.add(
                entry.value().at(),
                "%s: expected a mapping, found %s".formatted(path, entry.value().found()),
                "give it keys (%s), or remove it".formatted(String.join(", ", RecipeSchema.names(path))));
    }

    private <T> void readKey(Key<T> key, Entry entry) {
        if (settings.isGiven(key) || broken.contains(key.path())) {
            problems.add(
                    entry.keyAt(),
                    "%s is given twice, as %s and as %s"
                            .formatted(key.path(), key.name(), String.join(" or ", key.aliases())),
                    "keep " + key.name());
            return;
        }
        switch (key.kind().reader().apply(entry.value())) {
            case Reading.Sound<T>(T value) ->
                settings.put(key, value, entry.value().at());
            case Reading.Unsound<T>(String fix, var part) -> {
                broken.add(key.path());
                Reading.Part wrong =
                        part.orElseGet(() -> new Reading.Part("", key.kind().expected(), entry.value()));
                problems.add(
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

    private void refuseUnknown(String section, Entry entry) {
        List<String> names = RecipeSchema.names(section);
        Optional<String> misspelt = NearestKey.bySpelling(entry.key(), names)
                .or(() -> NearestKey.bySpelling(entry.key(), AutoModelKeys.names(section)));
        Optional<String> elsewhere = elsewhere(entry.key());
        Optional<String> meant =
                misspelt.isEmpty() && elsewhere.isEmpty() ? NearestKey.byWords(entry.key(), names) : misspelt;
        meant.ifPresent(name -> broken.add(inSection(section, name)));
        problems.add(
                entry.keyAt(),
                "unknown key '%s'%s".formatted(entry.key(), section.isEmpty() ? "" : " in " + section),
                meant.map("did you mean '%s'?"::formatted)
                        .or(() -> elsewhere.map("did you mean '%s'? Check the indentation"::formatted))
                        .orElse("use one of " + String.join(", ", names)));
    }

    /// A key or section of that name in another place.
    private static Optional<String> elsewhere(String name) {
        Optional<String> key = RecipeSchema.KEYS.stream()
                .filter(known -> known.answersTo(name))
                .map(Key::path)
                .findFirst();
        return key.or(() -> RecipeSchema.SECTIONS.stream()
                .filter(path -> path.endsWith("." + name) || path.equals(name))
                .sorted()
                .findFirst());
    }

    private static String inSection(String section, String name) {
        return section.isEmpty() ? name : section + "." + name;
    }

    private <T> void readAbsent(Key<T> key) {
        boolean sectionIsMissing =
                RecipeSchema.OPTIONAL_SECTIONS.contains(key.topSection()) && !settings.hasSection(key.topSection());
        if (settings.isGiven(key) || sectionIsMissing || isBroken(key)) {
            return;
        }
        switch (defaults.of(key)) {
            case Absent.Required<T>() ->
                problems.add(
                        settings.section(key.section()),
                        "%s is missing: expected %s"
                                .formatted(key.path(), key.kind().expected()),
                        "add it: %s".formatted(key.doc()));
            case Absent.Fixed<T>(T value, String reason) -> settings.put(key, value, defaults.origin(key, reason));
            case Absent.Derived<T>(var value, var _, var told) ->
                settings.put(key, value.apply(settings), defaults.origin(key, told.apply(settings)));
        }
    }

    private boolean isBroken(Key<?> key) {
        return broken.contains(key.path()) || broken.contains(key.section()) || broken.contains(key.topSection());
    }
}
