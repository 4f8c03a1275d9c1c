package dev.bowline.data;

import dev.bowline.BowlineException;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.zip.ZipException;

/// The selected rows of a dataset, file by file. At most one row is in memory, and no row after the last selected
/// row is read.
final class DatasetRows {

    private final long from;
    private final long to;
    private final Consumer<DataRow> use;
    private long read;

    private DatasetRows(DatasetSplit.Range range, OptionalInt limit, Consumer<DataRow> use) {
        from = range.from();
        to = limit.isPresent() ? Math.min(range.to(), from + limit.getAsInt()) : range.to();
        this.use = use;
    }

    static void forEach(DatasetSettings settings, Consumer<DataRow> use) {
        List<DataFile> files = DatasetFiles.of(settings.file(), settings.split());
        long count = settings.split().needsCount() ? count(files) : 0;
        DatasetRows rows = new DatasetRows(settings.split().range(count), settings.limit(), use);
        for (DataFile file : files) {
            if (rows.wantsMore()) {
                read(file, rows::take);
            }
        }
    }

    private boolean wantsMore() {
        return read < to;
    }

    /// @return true if a later row is selected
    private boolean take(DataRow row) {
        if (read >= from && read < to) {
            use.accept(row);
        }
        read++;
        return wantsMore();
    }

    private static long count(List<DataFile> files) {
        AtomicLong count = new AtomicLong();
        for (DataFile file : files) {
            read(file, _ -> count.incrementAndGet() > 0);
        }
        return count.get();
    }

    /// @param take receives a row and returns true if it needs another
    private static void read(DataFile file, Predicate<DataRow> take) {
        try (RowReader reader = RowFormats.open(file)) {
            Optional<DataRow> row = reader.next();
            while (row.isPresent() && take.test(row.get())) {
                row = reader.next();
            }
        } catch (CharacterCodingException e) {
            throw new BowlineException("%s is not UTF-8 text".formatted(file), "convert it to UTF-8", e);
        } catch (EOFException | ZipException e) {
            throw new BowlineException(
                    "%s is damaged or cut short: %s".formatted(file, e.getMessage()),
                    "download or write the file again",
                    e);
        } catch (IOException e) {
            throw new BowlineException(
                    "%s cannot be read: %s".formatted(file, e.getMessage()), "check the file and its permissions", e);
        }
    }
}
