package dev.bowline.recipe;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.ReaderException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlVersionException;

/// YAML text of a file, a flag or a program, and the origin of each position in it.
final class SourceText {

    private static final int MOST_BYTES = 1 << 18;

    private final String text;
    private final Function<Position, Origin> naming;

    private record Position(int line, int column) {}

    private SourceText(String text, Function<Position, Origin> naming) {
        this.text = text;
        this.naming = naming;
    }

    /// The value of a flag; every place in it is the flag.
    static SourceText ofFlag(String value, Origin.OnFlag flag) {
        return new SourceText(value, _ -> flag);
    }

    /// A value that a program gave.
    static SourceText ofProgram(String value, Origin.InProgram origin) {
        return new SourceText(value, _ -> origin);
    }

    static SourceText ofFile(Path file) {
        byte[] bytes = bytes(file);
        CharBuffer decoded = CharBuffer.allocate(bytes.length);
        ByteBuffer left = ByteBuffer.wrap(bytes);
        CoderResult result = StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .decode(left, decoded, true);
        String text = decoded.flip().toString();
        String withoutMark = text.startsWith("\uFEFF") ? text.substring(1) : text;
        SourceText source = new SourceText(withoutMark, at -> new Origin.InFile(file, at.line() + 1, at.column() + 1));
        if (result.isError()) {
            throw source.refused(
                    source.positionOf(withoutMark.codePointCount(0, withoutMark.length())),
                    "byte 0x%02x is not UTF-8".formatted(bytes[left.position()]),
                    "save the file as UTF-8");
        }
        return source;
    }

    String text() {
        return text;
    }

    Origin locate(Mark mark) {
        return naming.apply(new Position(mark.getLine(), mark.getColumn()));
    }

    /// Returns the result of `reading`. A failure of the YAML parser becomes a problem with a fix.
    <T> T explaining(Supplier<T> reading) {
        try {
            return reading.get();
        } catch (ReaderException e) {
            throw refused(
                    positionOf(e.getPosition()),
                    "character U+%04X is not allowed in YAML".formatted(e.getCodePoint()),
                    "remove it");
        } catch (MarkedYamlEngineException e) {
            Position at = e.getProblemMark()
                    .map(mark -> new Position(mark.getLine(), mark.getColumn()))
                    .orElse(new Position(0, 0));
            throw refused(at, "this is not YAML: " + e.getProblem(), fix(at));
        } catch (YamlVersionException e) {
            throw refused(
                    new Position(0, 0),
                    "the %YAML line asks for another version",
                    "remove the line; recipes are YAML 1.2");
        } catch (YamlEngineException e) {
            throw refused(new Position(0, 0), "this is not YAML: " + e.getMessage(), "correct the file");
        }
    }

    /// By the character that the parser stopped at.
    private String fix(Position at) {
        List<String> lines = text.lines().toList();
        String line = at.line() < lines.size() ? lines.get(at.line()) : "";
        String rest = line.substring(
                line.offsetByCodePoints(0, Math.min(at.column(), line.codePointCount(0, line.length()))));
        if (rest.startsWith("\t")) {
            return "indent with spaces; YAML does not allow tabs there";
        }
        if (rest.startsWith(":")) {
            return "check the indentation of this line, and quote a value that contains ': '";
        }
        return "correct the line, or the end of the one before it";
    }

    private static byte[] bytes(Path file) {
        try {
            if (Files.isDirectory(file)) {
                throw new BowlineException(file + " is a directory, not a recipe", "name the YAML file in it");
            }
            if (!Files.exists(file)) {
                throw new BowlineException(
                        "there is no recipe %s (in %s)"
                                .formatted(file, Path.of("").toAbsolutePath()),
                        "check the path; examples/ has recipes to start from");
            }
            if (Files.size(file) > MOST_BYTES) {
                throw new BowlineException(
                        "%s has %d bytes; a recipe has at most %d".formatted(file, Files.size(file), MOST_BYTES),
                        "name the recipe, not the data or the model");
            }
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new BowlineException(
                    "%s cannot be read: %s".formatted(file, e), "check its permissions and the disk", e);
        }
    }

    private RecipeException refused(Position at, String problem, String fix) {
        return new RecipeException(List.of(new RecipeException.Problem(naming.apply(at), problem, fix)));
    }

    private Position positionOf(int codePoints) {
        int line = 0;
        int column = 0;
        for (int c : text.codePoints().limit(codePoints).toArray()) {
            column = c == '\n' ? 0 : column + 1;
            line += c == '\n' ? 1 : 0;
        }
        return new Position(line, column);
    }
}
