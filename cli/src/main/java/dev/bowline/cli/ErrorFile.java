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

    private static final String PROBLEM = "problem";
    private static final String FIX = "fix";

    /// A failure on which the user can act.
    record Told(String problem, String fix) {}

    private ErrorFile() {}

    /// Writes a failure. A file that cannot be written changes nothing.
    ///
    /// @param message the problem and the fix
    /// @param trace of the stack
    /// @param told the message in parts, which torchrun does not read
    static void write(Path file, String message, String trace, Optional<Told> told) {
        JsonObject extra = JsonObject.of()
                .with("py_callstack", trace)
                .with("timestamp", Long.toString(Instant.now().getEpochSecond()));
        JsonObject whole = JsonObject.of().with("message", message).with("extraInfo", extra);
        if (told.isPresent()) {
            whole = whole.with(PROBLEM, told.get().problem())
                    .with(FIX, told.get().fix());
        }
        JsonObject failure = JsonObject.of().with("message", whole);
        try {
            Files.writeString(file, Json.compact(failure));
        } catch (IOException _) {
            // The error stream has the message too.
        }
    }

    /// The message in a file, if the rank wrote a whole one.
    static Optional<String> message(Path file) {
        return whole(file).flatMap(message -> message.optionalString("message"));
    }

    /// The parts of the message in a file, if the user can act on the failure.
    static Optional<Told> told(Path file) {
        return whole(file)
                .flatMap(message -> message.optionalString(PROBLEM)
                        .flatMap(problem -> message.optionalString(FIX).map(fix -> new Told(problem, fix))));
    }

    private static Optional<JsonObject> whole(Path file) {
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        try {
            return Optional.of(Json.parse(file).asObject().requireObject("message"));
        } catch (BowlineException _) {
            return Optional.empty();
        }
    }
}
