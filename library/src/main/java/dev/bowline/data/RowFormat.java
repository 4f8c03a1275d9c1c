package dev.bowline.data;

import java.io.IOException;

/// A file format of datasets. The library has JSON; others, such as Parquet, are found with
/// [java.util.ServiceLoader] as providers of this interface.
public interface RowFormat {

    /// True if the file has this format, by its name or its first bytes.
    boolean reads(DataFile file) throws IOException;

    /// Opens the file. The caller closes the reader.
    ///
    /// @throws dev.bowline.BowlineException if the file is broken
    RowReader open(DataFile file) throws IOException;
}
