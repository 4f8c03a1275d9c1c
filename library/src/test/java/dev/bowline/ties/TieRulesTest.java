package dev.bowline.ties;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.nn.Linear;
import dev.bowline.nn.Slot;
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

    @Test
    void aSmallerDraftVocabularyIsNeverTied() {
        Pair draft = new Pair(new Linear("embed_tokens", 4, 16), new Linear("lm_head", 4, 12));

        assertFalse(TiedWeights.hasLocalTiedLmHead(draft));
        BowlineException refused = assertThrows(BowlineException.class, () -> TiedWeights.ensureTiedLmHead(draft));

        assertTrue(refused.problem().contains("[12, 4]"), refused.problem());
        assertTrue(refused.problem().contains("[16, 4]"), refused.problem());
    }

    @Test
    void aHookThatDoesNothingIsHelpedByDirectAssignment() {
        Pair pair = new Pair(new Linear("embed_tokens", 4, 16), new Linear("lm_head", 4, 16));
        assertFalse(TiedWeights.hasLocalTiedLmHead(pair));

        TiedWeights.ensureTiedLmHead(pair);

        assertTrue(TiedWeights.hasLocalTiedLmHead(pair));
    }

    /// A declared-tied pair whose hook does nothing.
    private record Pair(Linear embedding, Linear head) implements TiedHead {

        @Override
        public String architecture() {
            return "Pair";
        }

        @Override
        public TieSupport tieSupport() {
            return TieSupport.BOTH;
        }

        @Override
        public TieFlag tieFlag() {
            return TIED;
        }

        @Override
        public TieFlag.ClassDefault tieDefault() {
            return TieFlag.ClassDefault.TIED;
        }

        @Override
        public Slot inputEmbedding() {
            return embedding.weight();
        }

        @Override
        public Slot lmHead() {
            return head.weight();
        }

        @Override
        public void tieWeights() {}
    }
}
