package dev.bowline.parity;

import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.nn.KernelPolicy;
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

    static Measured of(Fixture fixture, KernelPolicy kernels) {
        return new Measured(
                padded(fixture, kernels),
                unpadded(fixture, kernels),
                packed(fixture, kernels),
                adamw(fixture, kernels),
                bfloat16(fixture, kernels),
                greedy(fixture, kernels));
    }

    /// Rows padded on the right, with an attention mask.
    static Optional<Distance> padded(Fixture fixture, KernelPolicy kernels) {
        return distance(fixture, kernels, "", TokenRows::padded);
    }

    /// One row without a mask.
    static Optional<Distance> unpadded(Fixture fixture, KernelPolicy kernels) {
        return distance(fixture, kernels, "unpadded.", TokenRows::unpadded);
    }

    /// Several documents per row.
    static Optional<Distance> packed(Fixture fixture, KernelPolicy kernels) {
        return distance(fixture, kernels, "packed.", TokenRows::packed);
    }

    static Optional<AdamWSteps> adamw(Fixture fixture, KernelPolicy kernels) {
        return when(
                fixture, kernels, "adamw.losses", Dtype.FLOAT32, opened -> AdamWSteps.train(opened.model(), fixture));
    }

    static Optional<Bfloat16Distance> bfloat16(Fixture fixture, KernelPolicy kernels) {
        return when(fixture, kernels, "bf16_eager.logits", Dtype.BFLOAT16, opened -> {
            Golden reference = fixture.reference();
            TokenRows batch = TokenRows.padded(reference);
            return Bfloat16Distance.between(
                    Outcome.recorded(reference, "bf16_eager.", batch),
                    Outcome.recorded(reference, "bf16_sdpa.", batch),
                    Outcome.of(opened.model(), batch));
        });
    }

    static Optional<Greedy> greedy(Fixture fixture, KernelPolicy kernels) {
        return when(
                fixture, kernels, "greedy.tokens", Dtype.FLOAT32, opened -> Greedy.continued(opened.model(), fixture));
    }

    private static Optional<Distance> distance(
            Fixture fixture, KernelPolicy kernels, String prefix, Function<Golden, TokenRows> rows) {
        // A copy of another fixture's checkpoint in another spelling holds no gradients of its own for this.
        Golden reference = fixture.reference();
        if (reference.names().stream().noneMatch(name -> name.startsWith(prefix + "grad."))) {
            return Optional.empty();
        }
        return when(fixture, kernels, prefix + "logits", Dtype.FLOAT32, opened -> {
            TokenRows batch = rows.apply(reference);
            return Distance.between(Outcome.recorded(reference, prefix, batch), Outcome.of(opened.model(), batch));
        });
    }

    private static <T> Optional<T> when(
            Fixture fixture, KernelPolicy kernels, String key, Dtype dtype, Function<Pretrained, T> comparison) {
        if (!fixture.reference().has(key)) {
            return Optional.empty();
        }
        try (TensorScope _ = TensorScope.open();
                Pretrained opened = fixture.open(dtype)) {
            opened.model().useKernels(kernels);
            return Optional.of(comparison.apply(opened));
        }
    }
}
