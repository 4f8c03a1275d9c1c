package dev.bowline.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Bowline computes what transformers computes, on checkpoints whose every tensor is random: logits, loss and every
/// gradient, the steps of the optimizer, and the text that follows a prompt.
///
/// A test runs on every fixture of every family whose reference holds what it compares; `docs/coverage.md` shows which.
class ParityTest {

    @ParameterizedTest
    @MethodSource("dev.bowline.parity.Family#allFixtures")
    void paddedRowsGiveTheReferencesLogitsLossAndGradients(Fixture fixture) {
        assertWithinBounds(Measured.padded(fixture).orElseThrow());
    }

    @ParameterizedTest
    @MethodSource("unpadded")
    void rowsWithoutAMaskGiveTheReferencesLogitsLossAndGradients(Fixture fixture) {
        assertWithinBounds(Measured.unpadded(fixture).orElseThrow());
    }

    @ParameterizedTest
    @MethodSource("packed")
    void packedDocumentsGiveTheReferencesLogitsLossAndGradients(Fixture fixture) {
        assertWithinBounds(Measured.packed(fixture).orElseThrow());
    }

    @ParameterizedTest
    @MethodSource("bfloat16")
    void inBfloat16BowlineIsNoFartherFromTheReferenceThanItIsFromItself(Fixture fixture) {
        Bfloat16Distance distance = Measured.bfloat16(fixture).orElseThrow();

        assertTrue(distance.logits() <= Bfloat16Distance.BOUND, distance.toString());
        assertTrue(distance.largestLogit() <= Bfloat16Distance.BOUND, distance.toString());
        assertTrue(distance.loss() <= Bfloat16Distance.BOUND, distance.toString());
        assertTrue(distance.gradient() <= Bfloat16Distance.BOUND, distance.toString());
    }

    @ParameterizedTest
    @MethodSource("adamw")
    void fiveStepsOfAdamWHaveTheReferencesLossesAndWeights(Fixture fixture) {
        assertEquals(5, fixture.reference().floats("adamw.losses").length);
        AdamWSteps steps = Measured.adamw(fixture).orElseThrow();

        assertTrue(steps.losses() <= AdamWSteps.LOSS_BOUND, steps.toString());
        assertTrue(steps.weights() <= AdamWSteps.WEIGHT_BOUND, steps.toString());
    }

    @ParameterizedTest
    @MethodSource("greedy")
    void greedyTokensAreTheReferencesWellPastTheWindow(Fixture fixture) {
        Greedy greedy = Measured.greedy(fixture).orElseThrow();

        assertEquals(greedy.expected(), greedy.equal());
        assertTrue(greedy.pastWindow() >= Greedy.PAST_WINDOW, greedy.toString());
    }

    private static void assertWithinBounds(Distance distance) {
        assertTrue(distance.logits() <= Distance.LOGITS_BOUND, distance.toString());
        assertTrue(distance.loss() <= Distance.LOGITS_BOUND, distance.toString());
        assertTrue(distance.gradient() <= Distance.GRADIENT_BOUND, distance.toString());
    }

    static Stream<Fixture> unpadded() {
        return holding("unpadded.grad.");
    }

    static Stream<Fixture> packed() {
        return holding("packed.grad.");
    }

    static Stream<Fixture> bfloat16() {
        return holding("bf16_eager.");
    }

    static Stream<Fixture> adamw() {
        return holding("adamw.losses");
    }

    static Stream<Fixture> greedy() {
        return holding("greedy.tokens");
    }

    private static Stream<Fixture> holding(String key) {
        return Family.allFixtures()
                .filter(fixture -> fixture.reference().names().stream().anyMatch(name -> name.startsWith(key)));
    }
}
