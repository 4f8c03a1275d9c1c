package dev.bowline.text;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Function;

/// The tokenizer.json that the native library loads: the file itself, or one with more added tokens in a
/// temporary directory, for as long as it is being loaded.
///
/// @param completed what the file would have to hold; empty where it holds that
record TokenizerJson(Path file, Optional<JsonObject> completed) {

    <T> T open(Function<Path, T> load) {
        if (completed.isEmpty()) {
            return load.apply(file);
        }
        try {
            Path directory = Files.createTempDirectory("bowline-tokenizer");
            Path copy = directory.resolve("tokenizer.json");
            try {
                Files.writeString(copy, Json.compact(completed.get()));
                return load.apply(copy);
            } finally {
                Files.deleteIfExists(copy);
                Files.delete(directory);
            }
        } catch (IOException e) {
            throw new BowlineException(
                    "%s lacks tokens that other files of its directory add, and a complete copy cannot be written: %s"
                            .formatted(file, e.getMessage()),
                    "make the temporary directory writable (-Djava.io.tmpdir)",
                    e);
        }
    }
}
