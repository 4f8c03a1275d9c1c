package dev.bowline.data;

import java.io.IOException;
import java.util.Optional;

/// Reads the rows of one file in their order, one at a time.
public interface RowReader extends AutoCloseable {

    /// The next row; empty at the end of the file.
    ///
    /// @throws dev.bowline.BowlineException if the content is wrong; the message names the place
    /// @throws IOException if the file cannot be read, or does not have the format that its beginning indicates
    Optional<DataRow> next() throws IOException;

    /// The place of the row that the last [#next] refused, `file:line`, if the rows after it can be read.
    default Optional<String> failedRow() {
        return Optional.empty();
    }

    @Override
    void close() throws IOException;
}
