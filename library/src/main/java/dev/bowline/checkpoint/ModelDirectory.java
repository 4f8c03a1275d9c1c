package dev.bowline.checkpoint;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonLimits;
import dev.bowline.json.JsonObject;
import dev.bowline.safetensors.MissingWeights;
import dev.bowline.safetensors.PeftAdapter;
import dev.bowline.safetensors.WeightFiles;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/// Checks that a directory holds a Hugging Face model, before a weights file is opened.
final class ModelDirectory {

    static final String CONFIG_FILE = "config.json";
    static final String GENERATION_CONFIG_FILE = "generation_config.json";

    /// The record of a merged checkpoint.
    static final String MERGE_FILE = "bowline_merge.json";

    private ModelDirectory() {}

    /// Refuses a directory that holds no model, and names what the directory holds instead: an adapter, GGUF,
    /// pickles.
    static void require(Path directory) {
        if (!Files.exists(directory)) {
            throw new BowlineException("there is no directory %s".formatted(directory), "check the path");
        }
        if (!Files.isDirectory(directory)) {
            throw MissingWeights.ofFile(directory);
        }
        if (!Files.exists(directory.resolve(CONFIG_FILE))) {
            throw withoutConfig(directory);
        }
        WeightFiles.requireWeights(directory);
    }

    static Optional<JsonObject> generationConfig(Path directory) {
        Path file = directory.resolve(GENERATION_CONFIG_FILE);
        return Files.exists(file)
                ? Optional.of(Json.parse(file, JsonLimits.CONFIG).asObject())
                : Optional.empty();
    }

    private static BowlineException withoutConfig(Path directory) {
        Optional<PeftAdapter> adapter = PeftAdapter.find(directory);
        if (adapter.isPresent()) {
            return adapter.get().notAModel();
        }
        if (!WeightFiles.isThere(directory)) {
            BowlineException missing = MissingWeights.of(directory);
            return new BowlineException(
                    "%s has no %s; %s".formatted(directory, CONFIG_FILE, missing.problem()), missing.fix());
        }
        return new BowlineException(
                "%s has no %s".formatted(directory, CONFIG_FILE),
                "name the directory of a Hugging Face model, or download the missing file");
    }
}
