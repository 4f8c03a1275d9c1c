package dev.bowline.recipe;

/// Packing several examples into one row, each blind to the others.
///
/// @param packedSequenceSize tokens in a row; 0 when examples are not packed
public record PackedSequence(int packedSequenceSize) {

    public PackedSequence {
        Require.that(
                packedSequenceSize == 0 || packedSequenceSize >= 2,
                "packedSequenceSize must be 0 or at least 2, not %d",
                packedSequenceSize);
    }

    public boolean isOn() {
        return packedSequenceSize > 0;
    }
}
