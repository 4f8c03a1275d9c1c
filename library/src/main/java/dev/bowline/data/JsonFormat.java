package dev.bowline.data;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonElements;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.util.Optional;

/// JSON lines, or one array. The beginning of the text decides, because many files of JSON lines are called
/// `.json`.
final class JsonFormat implements RowFormat {

    static final String ONE_OBJECT_PER_LINE =
            "write each example as an object on a line of its own, such as {\"messages\": [{\"role\": …}, …]}";

    private static final int MARK_BYTES = 3;

    /// The size of the largest file that is read as a whole for a more precise error.
    private static final long MAX_BYTES_FOR_DETAIL = 64L << 20;

    @Override
    public boolean reads(DataFile file) {
        return true;
    }

    @Override
    public RowReader open(DataFile file) throws IOException {
        if (!isArray(file)) {
            return new Lines(file);
        }
        requireOneArray(file);
        return new Elements(file);
    }

    private static boolean isArray(DataFile file) throws IOException {
        try (Utf8Lines lines = new Utf8Lines(file)) {
            return firstText(lines).startsWith("[");
        }
    }

    /// Refuses a file with an array on each line, which is not one array of all rows.
    private static void requireOneArray(DataFile file) throws IOException {
        try (Utf8Lines lines = new Utf8Lines(file)) {
            String first = firstText(lines);
            String second = firstText(lines);
            if (first.endsWith("]") && second.startsWith("[")) {
                throw new BowlineException("%s: each line is an array".formatted(file), ONE_OBJECT_PER_LINE);
            }
        }
    }

    /// The next line that is not blank, without the blanks around it; empty if there is none.
    private static String firstText(Utf8Lines lines) throws IOException {
        Optional<String> line = lines.next();
        while (line.isPresent() && line.get().isBlank()) {
            line = lines.next();
        }
        return line.map(String::strip).orElse("");
    }

    private record Elements(DataFile file, JsonElements elements) implements RowReader {

        Elements(DataFile file) throws IOException {
            this(file, new JsonElements(afterMark(file), file.toString()));
        }

        private static InputStream afterMark(DataFile file) throws IOException {
            byte[] start = file.start(MARK_BYTES);
            InputStream content = file.open();
            boolean marked = start.length == MARK_BYTES
                    && (start[0] & 0xff) == 0xef
                    && (start[1] & 0xff) == 0xbb
                    && (start[2] & 0xff) == 0xbf;
            content.skipNBytes(marked ? MARK_BYTES : 0);
            return content;
        }

        @Override
        public Optional<DataRow> next() throws IOException {
            return elements.next().map(row -> new DataRow(row, row.location().position()));
        }

        @Override
        public void close() throws IOException {
            elements.close();
        }
    }

    private record Lines(DataFile file, Utf8Lines lines) implements RowReader {

        Lines(DataFile file) throws IOException {
            this(file, new Utf8Lines(file));
        }

        @Override
        public Optional<DataRow> next() throws IOException {
            Optional<String> line = lines.next();
            while (line.isPresent() && line.get().isBlank()) {
                line = lines.next();
            }
            return line.map(text -> new DataRow(row(text), "%s:%d".formatted(file, lines.number())));
        }

        @Override
        public Optional<String> failedRow() {
            return Optional.of("%s:%d".formatted(file, lines.number()));
        }

        private JsonValue row(String line) {
            int number = lines.number();
            try {
                return Json.parseLine(line, file.toString(), number);
            } catch (BowlineException e) {
                throw number == 1 && line.strip().startsWith("{")
                        ? errorOfOneObject(file).orElse(e)
                        : e;
            }
        }

        @Override
        public void close() throws IOException {
            lines.close();
        }
    }

    /// The error for a file that is one object over several lines, such as `{"data": [...]}`.
    private static Optional<BowlineException> errorOfOneObject(DataFile file) {
        try {
            if (Files.size(file.path()) > MAX_BYTES_FOR_DETAIL) {
                return Optional.empty();
            }
            JsonObject whole = Json.parseWithMark(file.path()).asObject();
            String problem = "%s is one object over several lines, with %s".formatted(file, whole.keys());
            return Optional.of(whole.fields().entrySet().stream()
                    .filter(field -> field.getValue() instanceof JsonArray && !isExample(whole))
                    .findFirst()
                    .map(rows -> new BowlineException(
                            problem, "write the value of '%s' as the whole file".formatted(rows.getKey())))
                    .orElseGet(() -> new BowlineException(problem, ONE_OBJECT_PER_LINE)));
        } catch (BowlineException | IOException _) {
            return Optional.empty();
        }
    }

    private static boolean isExample(JsonObject object) {
        return object.has("messages") || object.has("conversations");
    }
}
