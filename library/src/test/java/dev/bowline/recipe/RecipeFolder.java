package dev.bowline.recipe;

import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// A folder with all that a recipe needs to be read: a model directory and datasets.
final class RecipeFolder {

    /// The shortest recipe there is.
    static final String SHORTEST = """
            model:
              pretrained_model_name_or_path: model
            dataset:
              path: train.jsonl
            step_scheduler:
              global_batch_size: 8
              max_steps: 10
            optimizer:
              lr: 1e-5
            """;

    private final Path folder;

    RecipeFolder(Path folder) {
        this.folder = folder;
        write("model/config.json", "{}");
        write("train.jsonl", "{}\n");
        write("heldout.jsonl", "{}\n");
        write("chat.jinja", "");
        write("runs/step_5/config.json", "{}");
    }

    Path path(String name) {
        return folder.resolve(name);
    }

    Path write(String name, String text) {
        try {
            Path file = folder.resolve(name);
            Files.createDirectories(folder.relativize(file).getNameCount() > 1 ? file.resolveSibling("") : folder);
            return Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Path recipe(String yaml) {
        return write("recipe.yaml", yaml);
    }

    RecipeFile load(String yaml, String... sets) {
        return RecipeFile.load(recipe(yaml), List.of(sets));
    }

    Recipe shortestWith(String... sets) {
        return load(SHORTEST, sets).recipe();
    }

    /// Each problem as `line:column: problem` or `override …: problem`, then its fix.
    List<String> problems(String yaml, String... sets) {
        Path file = recipe(yaml);
        RecipeException refused = assertThrows(RecipeException.class, () -> RecipeFile.load(file, List.of(sets)));
        return refused.problems().stream()
                .map(problem -> problem.headline().replace(file + ":", "").replace(folder + "/", "")
                        + " | "
                        + problem.fix().toString().replace(folder + "/", ""))
                .toList();
    }

    String problem(String yaml, String... sets) {
        List<String> problems = problems(yaml, sets);
        if (problems.size() != 1) {
            throw new AssertionError("expected one problem, found " + problems);
        }
        return problems.getFirst();
    }
}
