package dev.bowline.formats;

import dev.bowline.BowlineException;
import dev.bowline.data.DataRow;
import dev.bowline.data.RowReader;
import dev.bowline.json.JsonLocation;
import dev.hardwood.metadata.ColumnChunk;
import dev.hardwood.metadata.CompressionCodec;
import dev.hardwood.metadata.RowGroup;
import dev.hardwood.reader.ParquetFileReader;
import dev.hardwood.reader.RowGroupPredicate;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.logging.Level;
import java.util.logging.Logger;

/// The rows of a Parquet file, one at a time.
final class ParquetRows implements RowReader {

    /// Its notes about how it decodes are of no interest to a caller.
    private static final Logger HARDWOOD = Logger.getLogger("dev.hardwood");

    static {
        if (HARDWOOD.getLevel() == null) {
            HARDWOOD.setLevel(Level.WARNING);
        }
    }

    private static final int TICK_MILLISECONDS = 1000;

    /// The bytes of row groups that are read together.
    private record Stretch(long from, long to) {}

    private final Path path;
    private final DecoderWatch watch;
    private final ParquetFileReader file;
    private final Deque<Stretch> ahead;
    private Optional<dev.hardwood.reader.RowReader> open = Optional.empty();
    private long number;
    private boolean hasStalled;

    private ParquetRows(Path path, DecoderWatch watch) throws IOException {
        this.path = path;
        this.watch = watch;
        file = decoded(() -> ParquetFileReader.open(new ChannelFile(path, watch)));
        try {
            ahead = decoded(() -> stretches(file.getFileMetaData().rowGroups()));
        } catch (IOException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    static ParquetRows open(Path path) throws IOException {
        DecoderWatch watch = new DecoderWatch(TICK_MILLISECONDS);
        try {
            return new ParquetRows(path, watch);
        } catch (IOException | RuntimeException e) {
            watch.close();
            throw e;
        }
    }

    /// All row groups at once, unless there are some without rows, which the decoder does not read.
    private Deque<Stretch> stretches(List<RowGroup> groups) {
        groups.forEach(this::requireCodecs);
        if (groups.stream().allMatch(group -> group.numRows() > 0)) {
            return new ArrayDeque<>(groups.isEmpty() ? List.of() : List.of(new Stretch(0, Long.MAX_VALUE)));
        }
        Deque<Stretch> stretches = new ArrayDeque<>();
        for (int i = 0; i < groups.size(); i++) {
            if (groups.get(i).numRows() > 0) {
                long end = i + 1 < groups.size() ? start(groups.get(i + 1)) : Long.MAX_VALUE;
                stretches.add(new Stretch(start(groups.get(i)), end));
            }
        }
        return stretches;
    }

    private static long start(RowGroup group) {
        return group.columns().getFirst().chunkStartOffset();
    }

    private void requireCodecs(RowGroup group) {
        for (ColumnChunk column : group.columns()) {
            CompressionCodec codec = column.metaData().codec();
            switch (codec) {
                case UNCOMPRESSED, GZIP, ZSTD -> {}
                case SNAPPY -> SnappyLibrary.load();
                case LZO, BROTLI, LZ4, LZ4_RAW ->
                    throw new BowlineException(
                            "%s is compressed with %s; snappy, zstd and gzip are read".formatted(path, codec),
                            "write it again, in Python: import pyarrow.parquet as pq;"
                                    + " pq.write_table(pq.read_table(r'%s'), 'data.parquet')".formatted(path));
            }
        }
    }

    @Override
    public Optional<DataRow> next() throws IOException {
        while (!hasNext()) {
            closeOpen();
            if (ahead.isEmpty()) {
                return Optional.empty();
            }
            Stretch next = ahead.remove();
            open = Optional.of(decoded(() -> file.buildRowReader()
                    .filter(RowGroupPredicate.byteRange(next.from, next.to))
                    .build()));
        }
        dev.hardwood.reader.RowReader rows = open.orElseThrow();
        String origin = "%s, row %d".formatted(path, number + 1);
        return Optional.of(decoded(() -> {
            rows.next();
            number++;
            return new DataRow(ParquetValues.object(rows, JsonLocation.root(origin, 0, 0)), origin);
        }));
    }

    private boolean hasNext() throws IOException {
        return open.isPresent() && decoded(open.get()::hasNext);
    }

    private void closeOpen() {
        open.ifPresent(dev.hardwood.reader.RowReader::close);
        open = Optional.empty();
    }

    /// Whatever a decoder throws at a damaged file becomes a message, and so does an endless wait.
    private <T> T decoded(Callable<T> read) throws IOException {
        watch.begin();
        try {
            return read.call();
        } catch (BowlineException | FileSystemException e) {
            throw e;
        } catch (Exception | LinkageError | StackOverflowError e) {
            hasStalled |= watch.end();
            throw damaged(hasStalled ? "the decoder stopped making progress" : reason(e), e);
        } finally {
            hasStalled |= watch.end();
        }
    }

    private BowlineException damaged(String reason, Throwable cause) {
        return new BowlineException(
                "%s: the Parquet file is damaged or uses an unsupported feature, after %d rows: %s"
                        .formatted(path, number, reason.replace("[" + path + "] ", "")),
                "download or write the file again, or convert it to JSON lines",
                cause);
    }

    /// The first message, from the failure to its causes.
    private static String reason(Throwable failure) {
        Throwable cause = failure;
        while (cause.getMessage() == null && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
    }

    @Override
    public void close() throws IOException {
        watch.close();
        if (hasStalled) {
            // Closing waits for what has stalled.
            Thread.ofPlatform().daemon().start(() -> {
                try {
                    closeFile();
                } catch (IOException | RuntimeException _) {
                    // The failure has been told.
                }
            });
        } else {
            closeFile();
        }
    }

    private void closeFile() throws IOException {
        try (file) {
            closeOpen();
        }
    }
}
