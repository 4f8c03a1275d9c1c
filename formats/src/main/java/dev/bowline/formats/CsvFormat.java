package dev.bowline.formats;

import dev.bowline.data.DataFile;
import dev.bowline.data.RowFormat;
import dev.bowline.data.RowReader;
import java.io.IOException;

/// CSV and, with tabs, TSV, by their names. The first record names the columns; every value is text.
public final class CsvFormat implements RowFormat {

    @Override
    public boolean reads(DataFile file) {
        return file.isNamed(".csv") || file.isNamed(".tsv");
    }

    @Override
    public RowReader open(DataFile file) throws IOException {
        return CsvRows.open(file, file.isNamed(".tsv") ? '\t' : ',');
    }
}
