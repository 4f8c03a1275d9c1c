package dev.bowline.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// The documentation builds: a shape of one dimension stands in backticks, because `javadoc` takes brackets around one
/// name for a reference to a class, and fails.
class DocCommentsTest {

    private static final Path SOURCES = Path.of("src", "main", "java");
    private static final Pattern CODE = Pattern.compile("`[^`]*`");
    private static final Pattern SHAPE = Pattern.compile("\\[(?:[A-Za-z]|[a-z]+)](?![(\\[])");

    @Test
    void noShapeReadsAsAReference() throws IOException {
        List<String> wrong = new ArrayList<>();
        for (Path file : sources()) {
            boolean fenced = false;
            for (String line : Files.readAllLines(file)) {
                String comment = line.strip();
                if (comment.startsWith("/// ```")) {
                    fenced = !fenced;
                }
                if (comment.startsWith("///")
                        && !fenced
                        && SHAPE.matcher(CODE.matcher(comment).replaceAll("")).find()) {
                    wrong.add("%s: %s".formatted(file.getFileName(), comment));
                }
            }
        }
        assertEquals(List.of(), wrong);
    }

    private static List<Path> sources() throws IOException {
        try (Stream<Path> files = Files.walk(SOURCES)) {
            return files.filter(path -> path.toString().endsWith(".java")).toList();
        }
    }
}
