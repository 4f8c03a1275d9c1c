package dev.bowline.report;

import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.train.RecipeRanks;
import java.util.Locale;

/// The ranks of a recipe as JSON.
public final class RanksJson implements JsonRenderer<RecipeRanks> {

    @Override
    public JsonObject json(RecipeRanks ranks) {
        return JsonObject.of()
                .with("world_size", ranks.worldSize())
                .with("on_machine", ranks.onMachine())
                .with("strategy", ranks.section().strategy().name().toLowerCase(Locale.ROOT))
                .with("summation", ranks.section().summation().name().toLowerCase(Locale.ROOT))
                .with("ep_size", ranks.epSize())
                .with(
                        "micro_batches",
                        JsonValue.of(
                                ranks.microBatches().stream().map(JsonValue::of).toList()))
                .with("sums", ranks.sums())
                .with("divided", ranks.divided())
                .with("sent", ranks.sent());
    }
}
