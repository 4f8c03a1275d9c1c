package dev.bowline.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// The table in the guide is the schema, row by row.
///
/// `-Dbowline.recipes.write=true` writes the rows.
class RecipeGuideTest {

    private static final Path GUIDE = Path.of("../docs/guides/recipes.md");

    @Test
    void theGuideListsEveryKeyAsTheCodeReadsIt() throws IOException {
        List<String> expected = RecipeSchema.RECIPE.keys().stream()
                .<String>map(RecipeGuideTest::row)
                .toList();
        String guide = Files.readString(GUIDE);
        List<String> written = rows(guide);
        if (Boolean.getBoolean("bowline.recipes.write")) {
            guide = guide.replace(String.join("\n", written) + "\n", String.join("\n", expected) + "\n");
            Files.writeString(GUIDE, guide);
        }

        assertEquals(String.join("\n", expected), String.join("\n", rows(guide)));
    }

    private static List<String> rows(String guide) {
        return guide.lines()
                .filter(line -> line.matches("\\| `[A-Za-z_.]+` \\|.*\\|.*\\|.*\\|"))
                .toList();
    }

    @Test
    void everyRecipeInTheGuideIsOneThatTheReaderKnows() throws IOException {
        List<String> guide = Files.readAllLines(GUIDE);
        List<String> blocks = new ArrayList<>();
        StringBuilder block = new StringBuilder();
        boolean inside = false;
        for (String line : guide) {
            if (line.equals("```yaml")) {
                inside = true;
            } else if (line.equals("```") && inside) {
                blocks.add(block.toString());
                block.setLength(0);
                inside = false;
            } else if (inside) {
                block.append(line).append('\n');
            }
        }
        Path folder = Files.createTempDirectory("guide");
        RecipeFolder recipes = new RecipeFolder(folder);

        assertTrue(!blocks.isEmpty(), "the guide has no recipe");
        blocks.forEach(recipes::load);
    }

    private static <T> String row(Key<T> key) {
        String aliases = key.aliases().isEmpty() ? "" : " Also `%s`.".formatted(String.join("`, `", key.aliases()));
        return "| `%s` | %s | %s | %s%s |"
                .formatted(key.path(), key.type().expected(), absent(key), key.doc(), aliases);
    }

    private static <T> String absent(Key<T> key) {
        return switch (key.byDefault()) {
            case Key.Required<T>() ->
                RecipeSchema.isOptional(key.topSection())
                        ? "**required**, if there is a " + key.topSection()
                        : "**required**";
            case Key.Fixed<T>(T value, String reason) ->
                "`%s` (%s)".formatted(key.type().write(value), reason);
            case Key.Derived<T>(var _, String reason, var _) -> reason;
        };
    }
}
