package dev.bowline.data;

import dev.bowline.BowlineException;
import dev.bowline.text.TemplateSyntaxException;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiPredicate;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.zip.ZipException;

/// The selected rows of a dataset, file by file. At most one row is in memory, and no row after the last selected
/// row is read.
final class DatasetRows {

    private final long from;
    private final long to;
    private final Consumer<DataRow> use;
    private final Failure failure;
    private long read;

    /// Receives a failure and its place: a row, if the rows after it can be read, else the file.
    interface Failure {
        void accept(String origin, BowlineException failure);
    }

    private DatasetRows(DatasetSplit.Range range, OptionalInt limit, Consumer<DataRow> use, Failure failure) {
        from = range.from();
        to = limit.isPresent() ? Math.min(range.to(), from + limit.getAsInt()) : range.to();
        this.use = use;
        this.failure = failure;
    }

    static void forEach(DatasetSettings settings, Consumer<DataRow> use) {
        List<DataFile> files = DatasetFiles.of(settings.file(), settings.split());
        DatasetRows rows = of(files, settings, use, DatasetRows::fail);
        for (DataFile file : files) {
            if (rows.wantsMore()) {
                read(file, rows::take, rows::failed);
            }
        }
    }

    /// The same, but a failure of a row or of a file ends nothing: the next row or the next file follows.
    static void examine(DatasetSettings settings, Consumer<DataRow> use, Failure failure) {
        List<DataFile> files = DatasetFiles.of(settings.file(), settings.split());
        DatasetRows rows = of(files, settings, use, failure);
        for (DataFile file : files) {
            if (rows.wantsMore()) {
                try {
                    read(file, rows::take, rows::failed);
                } catch (TemplateSyntaxException e) {
                    throw e;
                } catch (BowlineException e) {
                    failure.accept(file.toString(), e);
                }
            }
        }
    }

    private static DatasetRows of(
            List<DataFile> files, DatasetSettings settings, Consumer<DataRow> use, Failure failure) {
        long count = settings.split().needsCount() ? count(files) : 0;
        return new DatasetRows(settings.split().range(count), settings.limit(), use, failure);
    }

    private static void fail(String origin, BowlineException failure) {
        throw failure;
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

    /// @return true if a later row is selected
    private boolean failed(String origin, BowlineException problem) {
        if (read >= from && read < to) {
            failure.accept(origin, problem);
        }
        read++;
        return wantsMore();
    }

    private static long count(List<DataFile> files) {
        AtomicLong count = new AtomicLong();
        for (DataFile file : files) {
            read(file, _ -> count.incrementAndGet() > 0, (_, _) -> count.incrementAndGet() > 0);
        }
        return count.get();
    }

    /// @param take receives a row and returns true if it needs another
    /// @param failed the same for the place and the problem of a row that cannot be read
    private static void read(DataFile file, Predicate<DataRow> take, BiPredicate<String, BowlineException> failed) {
        try (RowReader reader = RowFormats.open(file)) {
            boolean wantsMore = true;
            while (wantsMore) {
                wantsMore = next(reader, take, failed);
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

    private static boolean next(RowReader reader, Predicate<DataRow> take, BiPredicate<String, BowlineException> failed)
            throws IOException {
        Optional<DataRow> row;
        try {
            row = reader.next();
        } catch (BowlineException e) {
            return failed.test(reader.failedRow().orElseThrow(() -> e), e);
        }
        return row.isPresent() && take.test(row.get());
    }
}
