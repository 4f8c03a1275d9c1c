package dev.bowline.data;

/// The position of training in its data.
///
/// @param epoch the number of completed passes over the data
/// @param row the number of rows taken in the current pass
public record DataPosition(int epoch, int row) {

    public static final DataPosition START = new DataPosition(0, 0);
}
