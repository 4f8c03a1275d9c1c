package dev.bowline.text;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Function;

/// The tokenizer.json that the native library loads: the file itself, or a temporary copy that is completed with
/// the other files of the tokenizer and exists during the load.
///
/// @param completed the completed content; empty if the file is complete
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
                    "other files of the directory of %s change it, and the changed copy cannot be written: %s"
                            .formatted(file, e.getMessage()),
                    "make the temporary directory writable (-Djava.io.tmpdir)",
                    e);
        }
    }
}
