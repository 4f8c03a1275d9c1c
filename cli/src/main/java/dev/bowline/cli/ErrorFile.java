package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;

/// The file with the failure of a rank, as torchrun reads it from its workers.
final class ErrorFile {

    /// Set by torchrun, and by the supervisor of this program.
    static final String VARIABLE = "TORCHELASTIC_ERROR_FILE";

    private ErrorFile() {}

    /// Writes a failure. A file that cannot be written changes nothing.
    ///
    /// @param message the problem and the fix
    /// @param trace of the stack
    static void write(Path file, String message, String trace) {
        JsonObject extra = JsonObject.of()
                .with("py_callstack", trace)
                .with("timestamp", Long.toString(Instant.now().getEpochSecond()));
        JsonObject failure = JsonObject.of()
                .with("message", JsonObject.of().with("message", message).with("extraInfo", extra));
        try {
            Files.writeString(file, Json.compact(failure));
        } catch (IOException _) {
            // The error stream has the message too.
        }
    }

    /// The message in a file, if the rank wrote a whole one.
    static Optional<String> message(Path file) {
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        try {
            return Json.parse(file).asObject().requireObject("message").optionalString("message");
        } catch (BowlineException _) {
            return Optional.empty();
        }
    }
}
