package dev.bowline.ties;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What a flag, a policy and the bytes of a checkpoint mean together.
class TieRulesTest {

    private static final TieFlag TIED = new TieFlag(true, TieFlag.Level.TOP);
    private static final TieFlag UNTIED = new TieFlag(false, TieFlag.Level.TEXT);

    @ParameterizedTest
    @CsvSource({
        "true,  EMBED_ONLY, TIE",
        "true,  HEAD_ONLY,  TIE_FROM_HEAD",
        "true,  BOTH_EQUAL, TIE_AND_DROP_DUPLICATE",
        "false, BOTH_EQUAL, SEPARATE",
        "false, BOTH_DIFFER, SEPARATE"
    })
    void bytesThatAgreeWithTheFlagHaveAPlan(boolean tied, HeadBytes bytes, HeadBytes.Plan plan) {
        assertEquals(plan, bytes.plan(tied ? TIED : UNTIED, "checkpoint"));
    }

    @ParameterizedTest
    @CsvSource({
        "true,  BOTH_DIFFER",
        "true,  SHAPE_MISMATCH",
        "true,  NEITHER",
        "false, EMBED_ONLY",
        "false, HEAD_ONLY",
        "false, NEITHER"
    })
    void bytesThatContradictTheFlagAreRefusedWithAFix(boolean tied, HeadBytes bytes) {
        BowlineException refused =
                assertThrows(BowlineException.class, () -> bytes.plan(tied ? TIED : UNTIED, "checkpoint"));

        assertTrue(refused.problem().contains("tie_word_embeddings is " + tied), refused.problem());
        assertFalse(refused.fix().isBlank());
    }

    @Test
    void eachPolicyRefusesWhatItCannotBuild() {
        assertDoesNotThrow(() -> TieSupport.BOTH.require("A", TIED));
        assertDoesNotThrow(() -> TieSupport.BOTH.require("A", UNTIED));
        assertDoesNotThrow(() -> TieSupport.TIED_ONLY.require("A", TIED));
        assertDoesNotThrow(() -> TieSupport.UNTIED_ONLY.require("A", UNTIED));
    }

    @Test
    void aTiedHeadAskedOfAClassWithASeparateOneIsRefusedWithTheFix() {
        BowlineException refused =
                assertThrows(BowlineException.class, () -> TieSupport.UNTIED_ONLY.require("NormHeadForCausalLM", TIED));

        assertEquals(
                "NormHeadForCausalLM is UNTIED_ONLY, but config.json asks for a tied head (tie_word_embeddings is true)",
                refused.problem());
        assertTrue(refused.fix().startsWith("set tie_word_embeddings to false at the top level"), refused.fix());
    }

    @Test
    void aSeparateHeadAskedOfAClassWithATiedOneIsRefusedWithTheFix() {
        BowlineException refused =
                assertThrows(BowlineException.class, () -> TieSupport.TIED_ONLY.require("SharedForCausalLM", UNTIED));

        assertEquals(
                "SharedForCausalLM is TIED_ONLY, but config.json asks for a separate head"
                        + " (text_config.tie_word_embeddings is false)",
                refused.problem());
        assertTrue(refused.fix().startsWith("set tie_word_embeddings to true at the top level"), refused.fix());
    }

    @Test
    void aHeadThatAnArchitectureAssumesIsRefusedAsAnAssumption() {
        TieFlag assumed = new TieFlag(true, TieFlag.Level.CLASS_DEFAULT);

        BowlineException refused =
                assertThrows(BowlineException.class, () -> TieSupport.UNTIED_ONLY.require("A", assumed));

        assertTrue(refused.problem().contains("a tied head is assumed"), refused.problem());
    }
}
