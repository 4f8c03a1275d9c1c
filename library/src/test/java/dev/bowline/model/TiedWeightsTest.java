package dev.bowline.model;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.nn.Linear;
import dev.bowline.nn.Slot;
import dev.bowline.ties.TieFlag;
import dev.bowline.ties.TieSupport;
import org.junit.jupiter.api.Test;

/// A declared tie is one parameter or an error that names both shapes.
class TiedWeightsTest {

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
            return new TieFlag(true, TieFlag.Level.TOP);
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
