package dev.bowline.formats;

import dev.bowline.data.DataFile;
import dev.bowline.data.RowFormat;
import dev.bowline.data.RowReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// Parquet, by the bytes that it begins with or by its name.
public final class ParquetFormat implements RowFormat {

    private static final byte[] START = "PAR1".getBytes(StandardCharsets.US_ASCII);

    @Override
    public boolean reads(DataFile file) throws IOException {
        return file.isNamed(".parquet") || Arrays.equals(file.start(START.length), START);
    }

    @Override
    public RowReader open(DataFile file) throws IOException {
        return ParquetRows.open(file.path());
    }
}
