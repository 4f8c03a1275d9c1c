package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A command whose output is lost does not succeed.
class LostOutputTest {

    /// A disk without room.
    private static final class Full extends OutputStream {
        @Override
        public void write(int single) throws IOException {
            throw new IOException("No space left on device");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "version, 1",
        "version --json, 1",
        "--help, 1",
        "audit --help, 1",
        "audit CLEAN --json, 1",
        "audit CLEAN, 1",
        "inspect CLEAN, 1",
        "inspect nowhere, 1",
        "nonsense, 64"
    })
    void isOneUnlessTheCommandFailedOtherwise(String line, int exitCode) {
        StringWriter err = new StringWriter();
        Console console = new Console(
                new BufferedReader(new StringReader("")),
                ProcessPrinter.of(new Full()),
                new PrintWriter(err),
                Optional.empty(),
                false);
        String clean = Ran.fixture("with_towers").toString();

        int code = Bowline.run(console, line.replace("CLEAN", clean).split(" "));

        assertEquals(exitCode, code, err.toString());
        boolean printed = exitCode == 1 && !line.endsWith("nowhere");
        assertEquals(
                printed,
                err.toString().contains("error: the output cannot be written: No space left on device"),
                err.toString());
        assertTrue(err.toString().contains("  fix: "), err.toString());
    }
}
