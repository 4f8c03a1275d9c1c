package dev.bowline.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.nn.KernelPolicy;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Bowline computes what transformers computes, on checkpoints whose every tensor is random: logits, loss and every
/// gradient, the steps of the optimizer, and the text that follows a prompt. The fused kernels for the CPU and the
/// plain
/// operators of libtorch, which any device runs, keep the same bounds.
///
/// A test runs on every fixture of every family whose reference holds what it compares; `docs/coverage.md` shows which.
class ParityTest {

    @ParameterizedTest
    @MethodSource("all")
    void paddedRowsGiveTheReferencesLogitsLossAndGradients(KernelPolicy kernels, Fixture fixture) {
        assertWithinBounds(Measured.padded(fixture, kernels).orElseThrow());
    }

    @ParameterizedTest
    @MethodSource("unpadded")
    void rowsWithoutAMaskGiveTheReferencesLogitsLossAndGradients(KernelPolicy kernels, Fixture fixture) {
        assertWithinBounds(Measured.unpadded(fixture, kernels).orElseThrow());
    }

    @ParameterizedTest
    @MethodSource("packed")
    void packedDocumentsGiveTheReferencesLogitsLossAndGradients(KernelPolicy kernels, Fixture fixture) {
        assertWithinBounds(Measured.packed(fixture, kernels).orElseThrow());
    }

    @ParameterizedTest
    @MethodSource("bfloat16")
    void inBfloat16BowlineIsNoFartherFromTheReferenceThanItIsFromItself(KernelPolicy kernels, Fixture fixture) {
        Bfloat16Distance distance = Measured.bfloat16(fixture, kernels).orElseThrow();

        assertTrue(distance.logits() <= Bfloat16Distance.BOUND, distance.toString());
        assertTrue(distance.largestLogit() <= Bfloat16Distance.BOUND, distance.toString());
        assertTrue(distance.loss() <= Bfloat16Distance.BOUND, distance.toString());
        assertTrue(distance.gradient() <= Bfloat16Distance.BOUND, distance.toString());
    }

    @ParameterizedTest
    @MethodSource("adamw")
    void fiveStepsOfAdamWHaveTheReferencesLossesAndWeights(KernelPolicy kernels, Fixture fixture) {
        assertEquals(5, fixture.reference().floats("adamw.losses").length);
        AdamWSteps steps = Measured.adamw(fixture, kernels).orElseThrow();

        assertTrue(steps.losses() <= AdamWSteps.LOSS_BOUND, steps.toString());
        assertTrue(steps.weights() <= AdamWSteps.WEIGHT_BOUND, steps.toString());
    }

    @ParameterizedTest
    @MethodSource("greedy")
    void greedyTokensAreTheReferencesWellPastTheWindow(KernelPolicy kernels, Fixture fixture) {
        Greedy greedy = Measured.greedy(fixture, kernels).orElseThrow();

        assertEquals(greedy.expected(), greedy.equal());
        assertTrue(greedy.pastWindow() >= Greedy.PAST_WINDOW, greedy.toString());
    }

    private static void assertWithinBounds(Distance distance) {
        assertTrue(distance.logits() <= Distance.LOGITS_BOUND, distance.toString());
        assertTrue(distance.loss() <= Distance.LOGITS_BOUND, distance.toString());
        assertTrue(distance.gradient() <= Distance.GRADIENT_BOUND, distance.toString());
    }

    static Stream<Arguments> all() {
        return underBoth(Family.allFixtures());
    }

    static Stream<Arguments> unpadded() {
        return holding("unpadded.grad.");
    }

    static Stream<Arguments> packed() {
        return holding("packed.grad.");
    }

    static Stream<Arguments> bfloat16() {
        return holding("bf16_eager.");
    }

    static Stream<Arguments> adamw() {
        return holding("adamw.losses");
    }

    static Stream<Arguments> greedy() {
        return holding("greedy.tokens");
    }

    private static Stream<Arguments> holding(String key) {
        return underBoth(Family.allFixtures()
                .filter(fixture -> fixture.reference().names().stream().anyMatch(name -> name.startsWith(key))));
    }

    private static Stream<Arguments> underBoth(Stream<Fixture> fixtures) {
        return fixtures.flatMap(
                fixture -> Arrays.stream(KernelPolicy.values()).map(kernels -> Arguments.of(kernels, fixture)));
    }
}
