package dev.bowline.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.data.ExampleFormat;
import dev.bowline.tensor.Dtype;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// The recipes that ship are recipes, as they stand.
class ExamplesTest {

    private static final Path EXAMPLES = Path.of("../examples");

    @Test
    void everyExampleIsARecipe() throws IOException {
        List<Path> files;
        try (Stream<Path> found = Files.list(EXAMPLES)) {
            files = found.filter(file -> file.toString().endsWith(".yaml"))
                    .sorted()
                    .toList();
        }

        List<Recipe> recipes = files.stream()
                .map(file -> RecipeFile.load(file, List.of()).recipe())
                .toList();

        assertTrue(recipes.size() >= 3, files::toString);
        assertEquals(recipes.size(), checkpointDirectories(recipes).size(), "two examples save to one directory");
    }

    @Test
    void theExamplesShowWhatTheirNamesSay() {
        Recipe packed = load("demo-packed-bf16.yaml");
        Recipe frozen = load("demo-frozen.yaml");

        assertEquals(Optional.of(Dtype.FLOAT32), load("demo.yaml").model().torchDtype());
        assertTrue(packed.packedSequence().isOn());
        assertEquals(Optional.of(Dtype.BFLOAT16), packed.model().torchDtype());
        assertTrue(frozen.freezeConfig().embeddings());
        assertInstanceOf(ExampleFormat.Columns.class, frozen.dataset().format());
    }

    private static Recipe load(String name) {
        return RecipeFile.load(EXAMPLES.resolve(name), List.of()).recipe();
    }

    private static Set<Path> checkpointDirectories(List<Recipe> recipes) {
        return recipes.stream()
                .map(recipe -> recipe.checkpoint().checkpointDir())
                .collect(Collectors.toSet());
    }
}
