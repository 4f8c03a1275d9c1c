package dev.bowline.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.bowline.optim.StateDtype;
import dev.bowline.recipe.AutoModelKeys.Ignored;
import dev.bowline.recipe.AutoModelKeys.Means;
import dev.bowline.recipe.AutoModelKeys.Moved;
import dev.bowline.recipe.AutoModelKeys.OnlyWith;
import dev.bowline.recipe.AutoModelKeys.Refused;
import dev.bowline.recipe.AutoModelKeys.Target;
import dev.bowline.recipe.AutoModelKeys.Treatment;
import dev.bowline.recipe.AutoModelTargets.Meaning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/// The tables of the guide for recipes of NeMo AutoModel are what the code reads, row by row.
///
/// `-Dbowline.automodel.write=true` writes them.
class AutoModelGuideTest {

    private static final Path GUIDE = Path.of("../docs/guides/automodel.md");

    @Test
    void theGuideHasTheTablesOfTheCode() throws IOException {
        String written = Files.readString(GUIDE);
        String expected = written;
        expected = replaced(expected, "defaults", defaults());
        expected = replaced(expected, "classes", targets());
        expected = replaced(expected, "keys", keys());
        if (Boolean.getBoolean("bowline.automodel.write")) {
            Files.writeString(GUIDE, expected);
        }

        assertEquals(expected, Files.readString(GUIDE));
    }

    private static String replaced(String guide, String name, List<String> rows) {
        String begin = "<!-- %s -->\n".formatted(name);
        String end = "<!-- end of %s -->\n".formatted(name);
        int from = guide.indexOf(begin) + begin.length();
        int to = guide.indexOf(end);
        if (from < begin.length() || to < from) {
            throw new AssertionError(GUIDE + " has no place for " + name);
        }
        return guide.substring(0, from) + String.join("\n", rows) + "\n" + guide.substring(to);
    }

    private static List<String> defaults() {
        AutoModelDefaults theirs = AutoModelDefaults.ofAutoModel(
                Optional.of(AutoModelDefaults.OPTIMIZERS.getFirst()), AutoModelDefaults.Rate.SCHEDULED);
        List<String> rows = new ArrayList<>(List.of("| Key | AutoModel's default | Bowline's own |", "|---|---|---|"));
        for (Key<?> key : RecipeSchema.RECIPE.keys()) {
            if (theirs.has(key)) {
                rows.add("| `%s` | %s | %s |".formatted(key.path(), value(theirs, key), own(key)));
            }
        }
        return rows;
    }

    private static <T> String value(AutoModelDefaults theirs, Key<T> key) {
        return shown(theirs.of(key), key);
    }

    private static <T> String own(Key<T> key) {
        return shown(key.byDefault(), key);
    }

    private static <T> String shown(Key.Default<T> absent, Key<T> key) {
        return switch (absent) {
            case Key.Required<T>() -> "required";
            case Key.Fixed<T>(T value, String reason) -> {
                String yaml = key.type().write(value);
                yield reason.equals(yaml) ? "`%s`".formatted(yaml) : "`%s`: %s".formatted(yaml, reason);
            }
            case Key.Derived<T>(var _, String reason, var _) -> reason;
        };
    }

    private static List<String> targets() {
        List<String> rows = new ArrayList<>(List.of("| `_target_` | Read as |", "|---|---|"));
        Map<String, List<String>> grouped = new LinkedHashMap<>();
        for (AutoModelTargets.Target target : AutoModelTargets.ALL) {
            String meaning = switch (target.meaning()) {
                case Meaning.Same(String what) -> what;
                case Meaning.Layout(AutoModelDatasetClass dataset) ->
                    "`dataset.format: %s`".formatted(dataset.format());
                case Meaning.Optimizer(AutoModelDefaults.Optimizer optimizer) ->
                    switch (optimizer.coupling()) {
                        case DECOUPLED ->
                            optimizer.stateDtype() == StateDtype.FLOAT32
                                    ? "`optimizer.name: adamw`"
                                    : "`optimizer.name: adamw`, `optimizer.state_dtype: %s`"
                                            .formatted(optimizer
                                                    .stateDtype()
                                                    .name()
                                                    .toLowerCase(Locale.ROOT));
                        case COUPLED -> "`optimizer.name: adamw`; refused with a `weight_decay` above 0";
                    };
                case Meaning.Switch(String name) -> "`dataset.%s: true`".formatted(name);
                case Meaning.Strategy(String value) -> "`distributed.strategy: %s`".formatted(value);
                case Meaning.Placeholder(String feature, String set) ->
                    "refused: %s; replaced by `--set %s`".formatted(feature.replaceFirst(",$", ""), set);
                case Meaning.Unsupported(String feature) -> "refused: " + feature.replaceFirst(",$", "");
            };
            grouped.computeIfAbsent(meaning, _ -> new ArrayList<>()).add("`%s`".formatted(target.name()));
        }
        grouped.forEach((meaning, names) -> rows.add("| %s | %s |".formatted(String.join(", ", names), meaning)));
        return rows;
    }

    private static List<String> keys() {
        List<String> rows = new ArrayList<>(List.of("| Key of AutoModel | Here |", "|---|---|"));
        Map<Treatment, List<AutoModelKeys.Row>> grouped = AutoModelKeys.all().stream()
                .filter(key -> !key.path().startsWith("validation_"))
                .filter(key -> !(key.treatment() instanceof Target))
                .collect(Collectors.groupingBy(AutoModelKeys.Row::treatment, LinkedHashMap::new, Collectors.toList()));
        grouped.forEach((treatment, keys) -> rows.add("| %s | %s |"
                .formatted(
                        keys.stream().map(key -> "`%s`".formatted(key.path())).collect(Collectors.joining(", ")),
                        meaning(treatment))));
        return rows;
    }

    private static String meaning(Treatment treatment) {
        return switch (treatment) {
            case Ignored(String reason) -> "no effect: " + reason;
            case Moved(String to) -> "`%s`".formatted(to);
            case Means(String when, String to, String value) ->
                "`%s` is `%s: %s`; anything else has no effect".formatted(when, to, value);
            case OnlyWith(List<String> values, String feature) ->
                "`%s` only; anything else is refused: %s"
                        .formatted(String.join("` or `", values), feature.replaceFirst(",$", ""));
            case Refused(String feature, String fix) -> "refused: %s; %s".formatted(feature, fix);
            case Target() -> throw new IllegalStateException("a class has a table of its own");
        };
    }
}
