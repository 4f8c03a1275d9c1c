package dev.bowline.recipe;

/// How the cross-entropy meets the vocabulary.
public sealed interface LossSection {

    /// A chunk of tokens at a time through the head, so that the logits of a whole batch never exist.
    record Chunked(int tokens) implements LossSection {

        public Chunked {
            Require.that(tokens >= 1, "a chunk needs at least 1 token, not %d", tokens);
        }
    }

    /// The logits of every token at once: tokens × vocabulary × 4 bytes, several times over.
    record FullLogits() implements LossSection {}
}
