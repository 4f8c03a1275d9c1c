package dev.bowline.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.recipe.Key.Default;
import dev.bowline.recipe.Key.Names;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// One declaration adds a key: the reader, error positions, hints and `explain` follow from the declaration alone.
class RecipeKeyTest {

    private static final Path SOURCES = Path.of("src/main/java/dev/bowline/recipe");

    private static final Section STOPPING = new Section("early_stopping");

    private static final Key<Integer> PATIENCE = STOPPING.key(
            Names.of("patience").alias("early_stopping_patience"),
            NumberTypes.integerFrom(1),
            Default.of(3, "an example"),
            "Validations without progress before the run stops.");

    private static final RecipeSchema SCHEMA =
            RecipeSchema.of(List.of(Recipe.TOP, ModelSection.SECTION, OptimizerSection.SECTION, STOPPING));

    @TempDir
    private Path temporary;

    private RecipeFolder folder;

    @BeforeEach
    void makeFolder() {
        folder = new RecipeFolder(temporary);
    }

    @Test
    void aDeclaredKeyHasItsDefault() {
        RecipeValues values = read("", new Diagnostics());

        assertEquals(Optional.of(3), values.find(PATIENCE));
        assertEquals(Optional.of(new Origin.Default("an example")), values.origin(PATIENCE));
    }

    @Test
    void aDeclaredKeyIsReadAtItsPositionUnderEachName() {
        for (String name : List.of("patience", "early_stopping_patience")) {
            RecipeValues values = read("early_stopping:\n  %s: 5\n".formatted(name), new Diagnostics());

            assertEquals(Optional.of(5), values.find(PATIENCE));
            assertEquals(
                    Optional.of(new Origin.InFile(folder.path("recipe.yaml"), 5, 5 + name.length())),
                    values.origin(PATIENCE));
        }
    }

    @Test
    void explainShowsADeclaredKey() {
        RecipeValues values = read("early_stopping: {patience: 5}\n", new Diagnostics());

        EffectiveSettings settings = EffectiveSettings.of(SCHEMA, values);

        assertEquals(
                new EffectiveSettings.Setting(
                        "early_stopping.patience",
                        Optional.of("5"),
                        new Origin.InFile(folder.path("recipe.yaml"), 4, 28)),
                settings.settings().getLast());
        assertTrue(settings.toYaml().endsWith("early_stopping:\n  patience: 5\n"), settings::toYaml);
    }

    @Test
    void errorsOfADeclaredKeyHavePositionsAndHints() {
        assertEquals(
                "4:28: early_stopping.patience: expected an integer of at least 1, found the number 0"
                        + " | write 1 or more",
                problem("early_stopping: {patience: 0}\n"));
        assertEquals(
                "4:18: unknown key 'patiense' in early_stopping | did you mean 'patience'?",
                problem("early_stopping: {patiense: 5}\n"));
        assertEquals(
                "4:1: unknown key 'patience' | did you mean 'early_stopping.patience'? Check the indentation",
                problem("patience: 5\n"));
    }

    @Test
    void aProgramIsHeldToTheSameRule() {
        IllegalArgumentException refused = assertThrows(IllegalArgumentException.class, () -> PATIENCE.require(0));

        assertEquals("early_stopping.patience: expected an integer of at least 1, found 0", refused.getMessage());
    }

    /// `dataset` and `validation_dataset` share their declarations.
    @Test
    void theNameOfAKeyIsDeclaredOnce() throws IOException {
        StringBuilder sources = new StringBuilder();
        try (Stream<Path> files = Files.list(SOURCES)) {
            for (Path file : files.toList()) {
                sources.append(Files.readString(file));
            }
        }
        List<String> repeated = new ArrayList<>();
        for (Key<?> key : RecipeSchema.RECIPE.keys()) {
            String name = nameInSection(key);
            Pattern declaration = Pattern.compile("(\\.key\\(|Names\\.of\\()\\s*\"" + Pattern.quote(name) + "\"");
            // The two sections of examples have one declaration.
            long sections = RecipeSchema.RECIPE.keys().stream()
                    .filter(other -> nameInSection(other).equals(name))
                    .map(other -> other.topSection().replace("validation_dataset", "dataset"))
                    .distinct()
                    .count();
            if (declaration.matcher(sources).results().count() != sections) {
                repeated.add(key.path());
            }
        }

        assertEquals(List.of(), repeated);
    }

    private static String nameInSection(Key<?> key) {
        String top = key.topSection();
        return key.path().substring(key.path().equals(top) ? 0 : top.length() + 1);
    }

    private String problem(String yaml) {
        Diagnostics diagnostics = new Diagnostics();
        read(yaml, diagnostics);
        RecipeException refused = assertThrows(RecipeException.class, diagnostics::throwIfAny);
        assertEquals(1, refused.problems().size(), refused::getMessage);
        RecipeException.Problem problem = refused.problems().getFirst();
        return problem.headline().replace(folder.path("recipe.yaml") + ":", "") + " | " + problem.fix();
    }

    private RecipeValues read(String more, Diagnostics diagnostics) {
        Path file = folder.recipe("model:\n  pretrained_model_name_or_path: model\noptimizer: {lr: 1e-5}\n" + more);
        YamlValue.Mapping root = (YamlValue.Mapping)
                YamlReader.read(SourceText.ofFile(file), diagnostics).orElseThrow();
        return ValuesReader.read(
                SCHEMA,
                file,
                new AutoModelRecipe.Translation(root, AutoModelDefaults.ofBowline(), Set.of()),
                diagnostics);
    }
}
