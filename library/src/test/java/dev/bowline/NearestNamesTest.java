package dev.bowline;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

/// A hint names what was probably meant, and says nothing rather than guess.
class NearestNamesTest {

    @Test
    void theNearestComeFirst() {
        List<String> known = List.of("learning_rate", "learning_rates", "max_steps", "learning_date");

        assertEquals(
                List.of("learning_rate", "learning_date", "learning_rates"), NearestNames.of("learnin_rate", known, 3));
        assertEquals(List.of("learning_rate"), NearestNames.of("learnin_rate", known, 1));
        assertEquals(List.of("max_steps"), NearestNames.of("MAX_STEP", known, 3));
    }

    @Test
    void nothingNearIsNoHint() {
        assertEquals("", NearestNames.hint("optimizer", List.of("seed", "model", "")));
        assertEquals(" (nearest: 'lr')", NearestNames.hint("lrs", List.of("lr", "model")));
    }

    @Test
    void aShortNameIsWithinReachOfOneEdit() {
        assertEquals(List.of("k"), NearestNames.of("q", List.of("k", "seed"), 3));
    }
}
