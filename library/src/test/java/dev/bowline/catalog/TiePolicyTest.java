package dev.bowline.catalog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.JsonObject;
import dev.bowline.model.Architecture;
import java.util.HashSet;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/// For every class and every combination of flags, Bowline ties what transformers was measured to tie; where it does
/// not, docs/coverage.md has the row, and the reason.
class TiePolicyTest {

    @Test
    void everyClassThatTransformersHasWasMeasured() {
        for (Architecture family : Families.all()) {
            String name = family.name();
            assertEquals(
                    MeasuredTies.inTransformers(name),
                    MeasuredTies.of(MeasuredTies.RELEASE_5, name).isPresent(),
                    name + ": run tools/measure_family_ties.py");
            assertTrue(MeasuredTies.examples().containsKey(name), name + " has no fixture");
        }
    }

    @Test
    void everyDifferenceFromEitherReleaseHasItsReason() {
        for (MeasuredTies.Difference difference : MeasuredTies.differences()) {
            assertTrue(difference.why().isPresent(), difference.toString());
        }
    }

    @Test
    void theRecentReleaseIsFollowedUnlessTheTopLevelIsSilentAndTheTextLevelIsNot() {
        Set<String> differing = MeasuredTies.differences().stream()
                .filter(difference -> difference.release().equals(MeasuredTies.RELEASE_5))
                .map(difference -> difference.architecture() + " " + difference.flags())
                .collect(Collectors.toCollection(TreeSet::new));

        assertEquals(
                Set.of(
                        "Gemma3ForConditionalGeneration -/false",
                        "Gemma4ForConditionalGeneration -/false",
                        "Mistral3ForConditionalGeneration -/false"),
                differing);
    }

    /// A class may refuse a head only where the reference never builds it, and must where it does not.
    @Test
    void theHeadsOfAPolicyAreThoseThatTheReferenceBuilds() {
        for (Architecture family : Families.all()) {
            MeasuredTies.of(MeasuredTies.RELEASE_5, family.name()).ifPresent(measured -> {
                JsonObject tied = measured.requireObject("tied");
                Set<Boolean> built = new HashSet<>();
                tied.keys().forEach(flags -> built.add(tied.requireBoolean(flags)));
                assertFalse(built.isEmpty());
                assertEquals(built, FamiliesTest.heads(family.tieSupport()), family.name());
            });
        }
    }
}
