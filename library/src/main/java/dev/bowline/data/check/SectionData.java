package dev.bowline.data.check;

import dev.bowline.data.Example;
import java.util.List;
import java.util.Optional;

/// One section of a recipe with data, examined.
///
/// @param section the section, such as `dataset`
/// @param rows the rows that were read or refused
/// @param refused the rows that a run refuses
/// @param leftOut the examples that are longer than the sequence and not trained on
/// @param cut the examples that lost tokens
/// @param examples the examples that a run takes
/// @param lengths of these examples; empty if there is none
public record SectionData(
        String section,
        long rows,
        long refused,
        long leftOut,
        long cut,
        List<Example> examples,
        Optional<Lengths> lengths) {

    public SectionData {
        examples = List.copyOf(examples);
    }

    public long tokens() {
        return examples.stream().mapToLong(Example::length).sum();
    }

    public long trainedTokens() {
        return examples.stream().mapToLong(Example::targetTokens).sum();
    }
}
