package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.file.Path;

/// What one command line did.
record Ran(int exitCode, String out, String err) {

    /// Runs a command line in this process, without a terminal and with nothing to read.
    static Ran bowline(String... arguments) {
        return bowlineReading("", arguments);
    }

    static Ran bowlineReading(String input, String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exitCode = Bowline.run(Console.of(new StringReader(input), out, err), arguments);
        return new Ran(exitCode, out.toString(), err.toString());
    }

    /// A console whose output nobody reads.
    static Console silent() {
        return Console.of(new StringReader(""), new StringWriter(), new StringWriter());
    }

    /// A tiny checkpoint of the library's tests.
    static Path fixture(String variant) {
        return Path.of("..", "library", "src", "test", "resources", "fixtures", "gemma4", variant);
    }

    Ran succeeded() {
        assertEquals(ExitCode.SUCCESS, exitCode, err);
        return this;
    }

    JsonObject json() {
        return Json.parse(out, "the output").asObject();
    }
}
