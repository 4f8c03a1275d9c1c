package dev.bowline.data;

/// The position of training in its data.
///
/// @param epoch passes completed
/// @param row rows taken of the current pass
public record DataPosition(int epoch, int row) {

    public static final DataPosition START = new DataPosition(0, 0);
}
