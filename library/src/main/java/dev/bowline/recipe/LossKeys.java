package dev.bowline.recipe;

import dev.bowline.recipe.Key.Default;
import dev.bowline.recipe.Key.Names;

/// The keys of the `loss` section.
final class LossKeys {

    static final Section SECTION = new Section("loss");

    static final Key<Integer> CHUNK_SIZE = SECTION.key(
            Names.of("chunk_size").autoModel("loss_fn.chunk_len"),
            NumberTypes.integerFrom(1),
            Default.of(512, "bounds the memory of the logits"),
            "Tokens that go through the head at a time.");

    static final Key<Boolean> FULL_LOGITS = SECTION.key(
            "full_logits",
            TextTypes.trueOrFalse(),
            Default.of(false, "bounds the memory of the logits"),
            "Whether the logits of every token are there at once, through autograd, as in transformers.");

    private LossKeys() {}

    static LossSection loss(RecipeValues values) {
        int chunk = values.use(CHUNK_SIZE);
        return values.use(FULL_LOGITS) ? new LossSection.FullLogits() : new LossSection.Chunked(chunk);
    }

    static void check(RecipeValues values) {
        if (values.is(FULL_LOGITS, true)) {
            values.refuseWithoutEffect(CHUNK_SIZE, "with loss.full_logits: true");
        }
    }
}
