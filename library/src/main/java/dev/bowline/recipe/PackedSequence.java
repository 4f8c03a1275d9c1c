package dev.bowline.recipe;

import dev.bowline.recipe.Key.Default;
import dev.bowline.recipe.Key.Names;
import java.util.List;

/// Packing of several examples into one row. The examples of a row do not attend to each other.
///
/// @param packedSequenceSize tokens in a row; 0 when examples are not packed
public record PackedSequence(int packedSequenceSize) {

    static final Section SECTION = new Section("packed_sequence");

    static final Key<Integer> SIZE = SECTION.key(
            Names.of("packed_sequence_size").autoModel("packed_sequence.pack_size"),
            NumberTypes.zeroOrFrom(2),
            Default.of(0, "no packing"),
            "Tokens per packed row; 0 puts one example in each row.");

    public PackedSequence {
        SIZE.require(packedSequenceSize);
    }

    static PackedSequence of(RecipeValues values) {
        return new PackedSequence(values.use(SIZE));
    }

    static void check(RecipeValues values) {
        int size = values.find(SIZE).orElse(0);
        for (DatasetKeys keys : List.of(DatasetKeys.TRAINING, DatasetKeys.VALIDATION)) {
            int length = values.find(keys.seqLength).orElse(0);
            if (size > 0 && length > size && values.isGiven(keys.seqLength)) {
                values.refuse(
                        "%s %d is longer than the packed row of %d tokens"
                                .formatted(keys.seqLength.path(), length, size),
                        "write %d or less, or raise packed_sequence_size".formatted(size),
                        keys.seqLength);
            }
        }
    }

    public boolean isOn() {
        return packedSequenceSize > 0;
    }
}
