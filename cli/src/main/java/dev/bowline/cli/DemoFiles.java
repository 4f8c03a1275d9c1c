package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/// The model, data and recipe that ship with the application, in a directory of the user's.
record DemoFiles(Path directory) {

    /// @param question the question for the model
    /// @param answer the only right answer
    record Question(String question, String answer) {}

    private static final List<String> MODEL = List.of(
            "model/config.json",
            "model/generation_config.json",
            "model/model.safetensors",
            "model/tokenizer.json",
            "model/tokenizer_config.json",
            "model/chat_template.jinja");

    private static final List<String> RUN = List.of("train.jsonl", "heldout.jsonl", "recipe.yaml");

    /// The weights that the demo trains.
    enum Trained {
        /// Every weight, on dates in many spellings.
        WEIGHTS(""),
        /// A LoRA adapter, on dates of digits.
        ADAPTER("lora/");

        private final String resources;

        Trained(String resources) {
            this.resources = resources;
        }
    }

    /// @throws BowlineException if the directory has anything in it
    static DemoFiles extract(Path directory, Trained trained) {
        try {
            if (Files.exists(directory) && !isEmpty(directory)) {
                throw new BowlineException(
                        "%s is there already and is not empty".formatted(directory),
                        "delete it, or name another directory with --dir");
            }
            for (String name : MODEL) {
                copy(name, directory.resolve(name));
            }
            for (String name : RUN) {
                copy(trained.resources + name, directory.resolve(name));
            }
        } catch (IOException e) {
            throw new BowlineException(
                    "%s cannot be written: %s".formatted(directory, e.getMessage()),
                    "name a directory you may write to with --dir",
                    e);
        }
        return new DemoFiles(directory);
    }

    private static void copy(String name, Path target) throws IOException {
        Files.createDirectories(Objects.requireNonNull(target.getParent()));
        try (InputStream resource = DemoFiles.class.getResourceAsStream("/demo/" + name)) {
            Files.copy(Objects.requireNonNull(resource, name), target);
        }
    }

    private static boolean isEmpty(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            return false;
        }
        try (Stream<Path> inside = Files.list(directory)) {
            return inside.findAny().isEmpty();
        }
    }

    Path model() {
        return directory.resolve("model");
    }

    Path recipe() {
        return directory.resolve("recipe.yaml");
    }

    /// The questions that training never sees.
    List<Question> heldOut() {
        Path file = directory.resolve("heldout.jsonl");
        List<Question> questions = new ArrayList<>();
        try {
            int number = 0;
            for (String line : Files.readAllLines(file)) {
                number++;
                List<JsonObject> messages = Json.parseLine(line, file.toString(), number)
                        .asObject()
                        .requireArray("messages")
                        .objects();
                questions.add(new Question(
                        messages.getFirst().requireString("content"),
                        messages.getLast().requireString("content")));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return questions;
    }
}
