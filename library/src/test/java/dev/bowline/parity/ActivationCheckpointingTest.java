package dev.bowline.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.nn.ActivationCheckpointing;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.TensorScope;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// With activation checkpointing a model has the same logits, the same loss and the same gradients, bit for bit, in
/// every family: with experts, with shared keys and values, with per-layer embeddings, and with frozen parameters.
class ActivationCheckpointingTest {

    static Stream<Fixture> fixtures() {
        return Family.allFixtures();
    }

    /// One of each family, and all of Gemma 4.
    static Stream<Fixture> chosen() {
        return Family.ALL.stream()
                .flatMap(family ->
                        family.fixtures().stream().limit(family.name().equals("Gemma 4") ? Long.MAX_VALUE : 1));
    }

    @ParameterizedTest
    @MethodSource("fixtures")
    void inFloat32NoBitChanges(Fixture fixture) {
        assertUnchanged(fixture, Dtype.FLOAT32, List.of());
    }

    @ParameterizedTest
    @MethodSource("chosen")
    void inBfloat16NoBitChanges(Fixture fixture) {
        assertUnchanged(fixture, Dtype.BFLOAT16, List.of());
    }

    @ParameterizedTest
    @MethodSource("chosen")
    void withFrozenEmbeddingsAndNormsNoBitChanges(Fixture fixture) {
        assertUnchanged(fixture, Dtype.FLOAT32, List.of("embed_tokens", "norm"));
    }

    private static void assertUnchanged(Fixture fixture, Dtype dtype, List<String> frozen) {
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = fixture.open(dtype)) {
            Golden reference = fixture.reference();
            TokenRows rows = TokenRows.padded(reference);
            var model = pretrained.model();
            model.parameters().forEach((name, parameter) -> {
                if (frozen.stream().anyMatch(name::contains)) {
                    parameter.freeze();
                }
            });

            Outcome all = Outcome.of(model, rows);
            model.useActivationCheckpointing(ActivationCheckpointing.PER_LAYER);
            Outcome checkpointed = Outcome.of(model, rows);

            assertTrue(all.logits().equal(checkpointed.logits()), "logits");
            assertEquals(all.loss(), checkpointed.loss());
            assertEquals(all.gradients().keySet(), checkpointed.gradients().keySet());
            all.gradients()
                    .forEach((name, gradient) ->
                            assertTrue(gradient.equal(checkpointed.gradients().get(name)), name));
        }
    }
}
