package dev.bowline.quantization;

/// A rectangle of a matrix.
///
/// @param row the first row
/// @param rows the number of rows
/// @param column the first column
/// @param columns the number of columns
public record MatrixPart(long row, long rows, long column, long columns) {

    long elements() {
        return rows * columns;
    }
}
