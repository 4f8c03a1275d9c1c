package dev.bowline.parity;

import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.TensorScope;
import java.util.Optional;
import java.util.function.Function;

/// Every comparison that a fixture's reference allows, each on a freshly opened model. What a reference does not hold
/// is empty.
record Measured(
        Optional<Distance> padded,
        Optional<Distance> unpadded,
        Optional<Distance> packed,
        Optional<AdamWSteps> adamw,
        Optional<Bfloat16Distance> bfloat16,
        Optional<Greedy> greedy) {

    static Measured of(Fixture fixture) {
        return new Measured(
                padded(fixture),
                unpadded(fixture),
                packed(fixture),
                adamw(fixture),
                bfloat16(fixture),
                greedy(fixture));
    }

    /// Rows padded on the right, with an attention mask.
    static Optional<Distance> padded(Fixture fixture) {
        return distance(fixture, "", TokenRows::padded);
    }

    /// One row without a mask.
    static Optional<Distance> unpadded(Fixture fixture) {
        return distance(fixture, "unpadded.", TokenRows::unpadded);
    }

    /// Several documents per row.
    static Optional<Distance> packed(Fixture fixture) {
        return distance(fixture, "packed.", TokenRows::packed);
    }

    static Optional<AdamWSteps> adamw(Fixture fixture) {
        return when(fixture, "adamw.losses", Dtype.FLOAT32, opened -> AdamWSteps.train(opened.model(), fixture));
    }

    static Optional<Bfloat16Distance> bfloat16(Fixture fixture) {
        return when(fixture, "bf16_eager.logits", Dtype.BFLOAT16, opened -> {
            Golden reference = fixture.reference();
            TokenRows batch = TokenRows.padded(reference);
            return Bfloat16Distance.between(
                    Outcome.recorded(reference, "bf16_eager.", batch),
                    Outcome.recorded(reference, "bf16_sdpa.", batch),
                    Outcome.of(opened.model(), batch));
        });
    }

    static Optional<Greedy> greedy(Fixture fixture) {
        return when(fixture, "greedy.tokens", Dtype.FLOAT32, opened -> Greedy.continued(opened.model(), fixture));
    }

    private static Optional<Distance> distance(Fixture fixture, String prefix, Function<Golden, TokenRows> rows) {
        // A copy of another fixture's checkpoint in another spelling holds no gradients of its own for this.
        Golden reference = fixture.reference();
        if (reference.names().stream().noneMatch(name -> name.startsWith(prefix + "grad."))) {
            return Optional.empty();
        }
        return when(fixture, prefix + "logits", Dtype.FLOAT32, opened -> {
            TokenRows batch = rows.apply(reference);
            return Distance.between(Outcome.recorded(reference, prefix, batch), Outcome.of(opened.model(), batch));
        });
    }

    private static <T> Optional<T> when(Fixture fixture, String key, Dtype dtype, Function<Pretrained, T> comparison) {
        if (!fixture.reference().has(key)) {
            return Optional.empty();
        }
        try (TensorScope _ = TensorScope.open();
                Pretrained opened = fixture.open(dtype)) {
            return Optional.of(comparison.apply(opened));
        }
    }
}
