package dev.bowline.recipe;

/// The computation of the cross-entropy.
public sealed interface LossSection {

    /// Puts a chunk of tokens at a time through the head, so that the logits of a whole batch never exist.
    record Chunked(int tokens) implements LossSection {
        public Chunked {
            Recipe.LOSS_CHUNK_SIZE.require(tokens);
        }
    }

    /// Computes the logits of every token at once: tokens × vocabulary × 4 bytes, several times over.
    record FullLogits() implements LossSection {}
}
