package dev.bowline.parity;

import dev.bowline.catalog.Pretrained;
import dev.bowline.json.JsonObject;
import dev.bowline.model.TiedWeights;
import dev.bowline.nn.KernelPolicy;
import dev.bowline.statedict.WeightRule;
import dev.bowline.tensor.Dtype;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieSupport;
import java.util.List;

/// What one fixture adds to `docs/coverage.md`: what Bowline says of its model, what transformers says, and how close
/// they are.
///
/// @param architecture as Bowline opened it
/// @param tied whether the head is the input embedding, by identity
/// @param passedThrough parts that the class does not compute and keeps byte for byte
record FixtureRow(
        Fixture fixture,
        String architecture,
        TieSupport support,
        TieFlag.ClassDefault tieDefault,
        TieFlag flag,
        boolean tied,
        List<String> passedThrough,
        JsonObject facts,
        Measured measured) {

    static FixtureRow of(Fixture fixture) {
        try (Pretrained opened = fixture.open(Dtype.FLOAT32)) {
            var model = opened.model();
            return new FixtureRow(
                    fixture,
                    model.architecture(),
                    model.tieSupport(),
                    model.tieDefault(),
                    model.tieFlag(),
                    TiedWeights.isOne(model.lmHead(), model.inputEmbedding()),
                    passedThrough(model.weightRules()),
                    fixture.facts(),
                    Measured.of(fixture, KernelPolicy.FUSED_CPU));
        }
    }

    /// The parts of a checkpoint that are saved as they were read.
    private static List<String> passedThrough(List<WeightRule> rules) {
        return rules.stream()
                .filter(WeightRule.PassThrough.class::isInstance)
                .map(rule -> ((WeightRule.PassThrough) rule).part())
                .distinct()
                .toList();
    }

    boolean hasClass(String name) {
        return architecture.equals(name);
    }
}
