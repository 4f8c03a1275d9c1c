package dev.bowline.formats;

import de.siegmar.fastcsv.reader.CloseableIterator;
import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.CsvRecord;
import de.siegmar.fastcsv.reader.CsvRecordHandler;
import dev.bowline.BowlineException;
import dev.bowline.data.DataFile;
import dev.bowline.data.DataRow;
import dev.bowline.data.RowReader;
import dev.bowline.json.JsonLocation;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/// The records of a CSV file after the first, as objects of text.
final class CsvRows implements RowReader {

    private static final int LARGEST_FIELD = 64 << 20;
    private static final String BYTE_ORDER_MARK = "\ufeff";

    private final DataFile file;
    private final CountingReader text;
    private final CloseableIterator<CsvRecord> records;
    private final List<String> columns;
    private Optional<CsvRecord> last = Optional.empty();

    private CsvRows(DataFile file, CountingReader text, CloseableIterator<CsvRecord> records) throws IOException {
        this.file = file;
        this.text = text;
        this.records = records;
        columns = columns();
    }

    static CsvRows open(DataFile file, char separator) throws IOException {
        CountingReader text = new CountingReader(decoded(file));
        try {
            CsvReader<CsvRecord> reader = CsvReader.builder()
                    .fieldSeparator(separator)
                    .skipEmptyLines(true)
                    .allowMissingFields(true)
                    .allowExtraFields(true)
                    .maxBufferSize(LARGEST_FIELD)
                    .build(
                            CsvRecordHandler.of(
                                    limits -> limits.maxFieldSize(LARGEST_FIELD).maxRecordSize(4 * LARGEST_FIELD)),
                            text);
            return new CsvRows(file, text, reader.iterator());
        } catch (IOException | RuntimeException e) {
            text.close();
            throw e;
        }
    }

    private static Reader decoded(DataFile file) throws IOException {
        return new InputStreamReader(file.open(), StandardCharsets.UTF_8.newDecoder());
    }

    private List<String> columns() throws IOException {
        Optional<CsvRecord> header = record();
        if (header.isEmpty()) {
            return List.of();
        }
        List<String> names = header.get().getFields().stream()
                .map(name -> name.startsWith(BYTE_ORDER_MARK) ? name.substring(1) : name)
                .map(String::strip)
                .toList();
        String place = "%s:%d".formatted(file, header.get().getStartingLineNumber());
        Set<String> seen = new HashSet<>();
        for (String name : names) {
            if (!seen.add(name)) {
                throw new BowlineException(
                        "%s: the first record names the column '%s' twice".formatted(place, name),
                        "name every column once in the first record");
            }
        }
        if (names.size() == 1
                && (names.getFirst().contains(";") || names.getFirst().contains("\t"))) {
            throw new BowlineException(
                    "%s: the file has one column, '%s'".formatted(place, names.getFirst()),
                    "separate columns by commas, or by tabs in a file that is called .tsv");
        }
        return names;
    }

    @Override
    public Optional<DataRow> next() throws IOException {
        return record().map(this::row);
    }

    private DataRow row(CsvRecord record) {
        int line = (int) Math.min(Integer.MAX_VALUE, record.getStartingLineNumber());
        String origin = "%s:%d".formatted(file, line);
        if (record.getFieldCount() != columns.size()) {
            throw new BowlineException(
                    "%s: the record has %d fields, the first record %d"
                            .formatted(origin, record.getFieldCount(), columns.size()),
                    "give it a field for each column; put quotes around a field with commas, quotes or line breaks");
        }
        JsonLocation location = JsonLocation.root(file.toString(), line, 0);
        SequencedMap<String, JsonValue> fields = new LinkedHashMap<>();
        for (int i = 0; i < columns.size(); i++) {
            fields.put(columns.get(i), new JsonString(record.getField(i), location.key(columns.get(i), line, 0)));
        }
        return new DataRow(new JsonObject(fields, location), origin);
    }

    private Optional<CsvRecord> record() throws IOException {
        try {
            if (!records.hasNext()) {
                requireClosedQuotes();
                return Optional.empty();
            }
            last = Optional.of(records.next());
            return last;
        } catch (CsvParseException e) {
            if (e.getCause() instanceof IOException failed) {
                throw failed;
            }
            throw new BowlineException(
                    "%s: not valid CSV after the record at line %d: %s"
                            .formatted(
                                    file,
                                    last.map(CsvRecord::getStartingLineNumber).orElse(0L),
                                    e.getMessage()),
                    "correct the text there",
                    e);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    /// The parser accepts a quote that is not closed, and takes the rest of the file as one field.
    private void requireClosedQuotes() throws IOException {
        if (text.isBalanced() || last.isEmpty()) {
            return;
        }
        CsvRecord record = last.get();
        String open = "\"" + record.getField(record.getFieldCount() - 1).replace("\"", "\"\"");
        if (textFrom(record.getStartingLineNumber()).endsWith(open)) {
            throw new BowlineException(
                    "%s:%d: a quoted field is not closed, and holds the rest of the file"
                            .formatted(file, record.getStartingLineNumber()),
                    "close it with a quote; a quote within a quoted field is written twice");
        }
    }

    private String textFrom(long line) throws IOException {
        StringBuilder kept = new StringBuilder();
        try (BufferedReader again = new BufferedReader(decoded(file))) {
            long number = 1;
            for (int c = again.read(); c >= 0; c = again.read()) {
                if (number >= line) {
                    kept.append((char) c);
                }
                number += c == '\n' ? 1 : 0;
            }
        }
        return kept.toString();
    }

    @Override
    public void close() throws IOException {
        records.close();
    }
}
