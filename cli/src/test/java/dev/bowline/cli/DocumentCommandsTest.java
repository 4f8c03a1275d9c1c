package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The shell commands of README.md and the guides succeed as they are written, in the order they are written.
///
/// Paths are relative to the repository, so arguments are resolved against it, and what a command writes goes to a
/// directory of the test's own.
class DocumentCommandsTest {

    private static final Path ROOT = Path.of("..");
    private static final Pattern BLOCK = Pattern.compile("```sh\n(.*?)```", Pattern.DOTALL);
    private static final Pattern WORD = Pattern.compile("'([^']*)'|(\\S+)");

    /// Not run, and why.
    private static final Map<String, String> NOT_RUN =
            Map.of("./bowline demo --dir bowline-demo", "trains for minutes; the application's own check judges it");

    @TempDir
    private Path directory = Path.of("");

    @Test
    void everyCommandThatADocumentShowsSucceeds() throws IOException {
        List<String> run = new ArrayList<>();
        List<String> skipped = new ArrayList<>();
        for (Path document : documents()) {
            for (String command : commands(Files.readString(document))) {
                if (NOT_RUN.containsKey(command)) {
                    skipped.add(command);
                } else {
                    Ran ran = Ran.bowline(arguments(command));
                    assertEquals(ExitCode.SUCCESS, ran.exitCode(), () -> document + ": " + command + "\n" + ran.err());
                    run.add(command);
                }
            }
        }

        assertTrue(run.size() >= 5, run::toString);
        assertEquals(NOT_RUN.size(), skipped.size(), "a command that is not run is in no document");
    }

    private static List<Path> documents() throws IOException {
        List<Path> documents = new ArrayList<>(List.of(ROOT.resolve("README.md")));
        try (Stream<Path> guides = Files.list(ROOT.resolve("docs").resolve("guides"))) {
            guides.filter(file -> file.toString().endsWith(".md")).sorted().forEach(documents::add);
        }
        return documents;
    }

    private static List<String> commands(String document) {
        List<String> commands = new ArrayList<>();
        Matcher block = BLOCK.matcher(document);
        while (block.find()) {
            String joined = block.group(1).replaceAll("\\\\\n\\s*", "");
            joined.lines().filter(line -> !line.isBlank()).forEach(commands::add);
        }
        return commands;
    }

    private String[] arguments(String command) {
        List<String> words = new ArrayList<>();
        Matcher word = WORD.matcher(command);
        while (word.find()) {
            words.add(word.group(1) != null ? word.group(1) : word.group(2));
        }
        assertEquals("./bowline", words.removeFirst(), command);
        return words.stream().map(this::placed).toArray(String[]::new);
    }

    private String placed(String argument) {
        if (argument.startsWith("checkpoint.checkpoint_dir=")) {
            return "checkpoint.checkpoint_dir=" + directory.resolve("run").toAbsolutePath();
        }
        boolean isInRepository =
                argument.matches("[A-Za-z][\\w./-]*/[\\w./-]*") && Files.exists(ROOT.resolve(argument));
        return isInRepository ? ROOT.resolve(argument).toString() : argument;
    }
}
