/// Datasets in Parquet and CSV, found by the library as providers of [dev.bowline.data.RowFormat].
@NullMarked
package dev.bowline.formats;

import org.jspecify.annotations.NullMarked;
