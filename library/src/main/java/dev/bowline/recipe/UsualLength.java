package dev.bowline.recipe;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.nio.file.Path;
import java.util.Optional;

/// How long an example may be where nobody says: as long as the model and the packed row allow, and not without bound.
///
/// @param tokens at least 2
/// @param told who decided it
record UsualLength(int tokens, String told) {

    static final int MOST = 2048;

    private static final String POSITIONS = "max_position_embeddings";

    /// @param packedSize packing bounds the length of an example
    static Absent<Integer> absent(Key<Integer> packedSize) {
        return new Absent.Derived<>(
                settings -> of(settings, packedSize).tokens,
                "packed_sequence_size when packing, otherwise %d; at most the model's positions".formatted(MOST),
                settings -> of(settings, packedSize).told);
    }

    private static UsualLength of(Settings settings, Key<Integer> packedSize) {
        Optional<Integer> packed = settings.find(packedSize).filter(size -> size > 1);
        UsualLength usual = packed.map(size -> new UsualLength(size, "packed_sequence_size"))
                .orElseGet(() -> new UsualLength(MOST, "no packing, and the model has no fewer positions"));
        return positions(settings)
                .filter(positions -> positions >= 2 && positions < usual.tokens)
                .map(positions -> new UsualLength(
                        positions,
                        "the model has %d positions (%s in its config.json)".formatted(positions, POSITIONS)))
                .orElse(usual);
    }

    private static Optional<Integer> positions(Settings settings) {
        return settings.find(RecipeSchema.PRETRAINED).flatMap(UsualLength::positions);
    }

    /// The value in the checkpoint's config.json. Opening the model refuses a config.json that cannot be read, with the
    /// reason.
    static Optional<Integer> positions(Path model) {
        try {
            JsonObject config = Json.parse(model.resolve("config.json")).asObject();
            JsonObject text = config.optionalObject("text_config").orElse(config);
            return text.has(POSITIONS) ? Optional.of(text.requireInt(POSITIONS)) : Optional.empty();
        } catch (BowlineException _) {
            return Optional.empty();
        }
    }
}
