package dev.bowline.model;

import dev.bowline.BowlineException;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.nn.Embedding;
import dev.bowline.nn.Linear;
import dev.bowline.nn.Slot;
import dev.bowline.nn.SlotRole;
import java.util.List;
import java.util.Optional;

/// The config.json of a model with another number of embedding rows, and the models that can have another number.
final class VocabularyResize {

    private static final String ROWS = "vocab_size";
    private static final String PER_LAYER_ROWS = "vocab_size_per_layer_input";
    private static final String TEXT = "text_config";

    private VocabularyResize() {}

    /// The config with `rows` at every level that has the number of rows, and at the level of the decoder.
    static JsonObject config(JsonObject config, long rows) {
        Optional<JsonObject> text = config.optionalObject(TEXT);
        return text.isPresent() ? resized(config, rows).with(TEXT, required(text.get(), rows)) : required(config, rows);
    }

    private static JsonObject required(JsonObject level, long rows) {
        return resized(level, rows).with(ROWS, JsonValue.of(rows));
    }

    private static JsonObject resized(JsonObject level, long rows) {
        JsonObject edited = level;
        for (String key : List.of(ROWS, PER_LAYER_ROWS)) {
            if (level.get(key).filter(JsonNumber.class::isInstance).isPresent()) {
                edited = edited.with(key, JsonValue.of(rows));
            }
        }
        return edited;
    }

    /// @throws BowlineException if an operator of the model was replaced: its tables have the present number of
    ///     rows
    static void require(LanguageModel model, long rows) {
        if (rows < 1) {
            throw new BowlineException(
                    "a token embedding cannot have %d rows".formatted(rows), "resize it to at least 1 row");
        }
        Linear head = model.head().linear();
        boolean isStored = model.slots(SlotRole.ADAPTER).isEmpty()
                && head.operator().slots().equals(List.of(head.weight()))
                && model.embeddings().values().stream().allMatch(VocabularyResize::isStored);
        if (!isStored) {
            throw new BowlineException(
                    "the token embedding cannot be resized: an adapter or a quantised weight of the model has %d rows"
                            .formatted(model.vocabularySize()),
                    "resize the model first, then attach the adapter or quantise the weights");
        }
    }

    private static boolean isStored(Embedding embedding) {
        List<Slot> slots = embedding.operator().slots();
        return slots.equals(List.of(embedding.weight()));
    }
}
