package dev.bowline.spark;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.bowline.BowlineException;
import dev.bowline.files.AtomicFile;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/// The rows of a `Dataset` as a file of JSON lines, in the order of the `Dataset`.
///
/// Every rank reads the whole file, because the order of the rows in a run does not depend on the number of ranks.
final class RowsFile {

    private RowsFile() {}

    /// In the parent of the directory of the checkpoints, on the file system that all ranks see.
    static Path of(Path checkpointDir) {
        return checkpointDir.resolveSibling(checkpointDir.getFileName() + ".rows.jsonl");
    }

    /// Writes the file whole. The driver has one partition in memory at a time.
    ///
    /// @throws BowlineException if there are no rows, or the file cannot be written
    static void write(Dataset<Row> rows, Path file) {
        if (rows.isStreaming()) {
            throw new BowlineException("the Dataset is a stream, which has no end", "pass a Dataset of stored rows");
        }
        Iterator<String> lines = rows.toJSON().toLocalIterator();
        if (!lines.hasNext()) {
            throw new BowlineException(
                    "the Dataset has no rows", "check its source and its filters, for example with rows.count()");
        }
        try {
            Files.createDirectories(file.getParent());
            AtomicFile.write(file, channel -> write(lines, channel));
        } catch (IOException e) {
            throw new BowlineException(
                    "the rows cannot be written to %s: %s".formatted(file, e.getMessage()),
                    "point checkpoint.checkpoint_dir at a file system that the driver and the executors may write",
                    e);
        }
    }

    private static void write(Iterator<String> lines, FileChannel channel) throws IOException {
        Writer writer = new BufferedWriter(new OutputStreamWriter(Channels.newOutputStream(channel), UTF_8));
        while (lines.hasNext()) {
            writer.write(lines.next());
            writer.write('\n');
        }
        writer.flush();
    }
}
