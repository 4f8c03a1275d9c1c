package dev.bowline.report;

import dev.bowline.adapter.AdaptedModule;
import dev.bowline.adapter.AdaptedModule.Uses;
import dev.bowline.adapter.AdapterSummary;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.util.List;

/// The modules that an adapter changes.
public final class AdapterJson implements JsonRenderer<AdapterSummary> {

    @Override
    public JsonObject json(AdapterSummary summary) {
        return JsonObject.of()
                .with("trained", summary.trainedValues())
                .with("all", summary.allValues())
                .with(
                        "kinds",
                        JsonValue.of(
                                summary.kinds().stream().map(AdapterJson::kind).toList()));
    }

    private static JsonObject kind(AdapterSummary.Kind kind) {
        return sized(
                        JsonObject.of()
                                .with("pattern", kind.pattern())
                                .with(
                                        "modules",
                                        JsonArray.ofStrings(kind.modules().stream()
                                                .map(AdaptedModule::module)
                                                .toList())),
                        kind.modules().getFirst())
                .with("trained", kind.trainedValues());
    }

    private static JsonObject sized(JsonObject kind, AdaptedModule module) {
        return switch (module) {
            case AdaptedModule.LinearPair pair ->
                pair(
                        kind,
                        switch (pair.variant()) {
                            case LORA -> "lora";
                            case DORA -> "dora";
                        },
                        List.of(pair.out(), pair.in()),
                        Uses.NAMED,
                        pair.rank(),
                        pair.scale());
            case AdaptedModule.ExpertPairs pairs ->
                pair(
                        kind,
                        "lora",
                        List.of(pairs.experts(), pairs.out(), pairs.in()),
                        Uses.NAMED,
                        pairs.rank(),
                        pairs.scale());
            case AdaptedModule.EmbeddingPair pair ->
                pair(kind, "lora", List.of(pair.vocabulary(), pair.width()), pair.uses(), pair.rank(), pair.scale());
            case AdaptedModule.SavedModule saved -> whole(kind, "whole", saved.shape(), saved.uses());
            case AdaptedModule.TokenRows rows ->
                whole(kind, "rows", List.of((long) rows.ids().size(), rows.width()), rows.uses());
        };
    }

    private static JsonObject pair(JsonObject kind, String form, List<Long> shape, Uses uses, long rank, double scale) {
        return form(kind, form, shape, uses).with("rank", rank).with("scale", JsonValue.of(scale));
    }

    private static JsonObject whole(JsonObject kind, String form, List<Long> shape, Uses uses) {
        return form(kind, form, shape, uses).with("rank", JsonValue.absent()).with("scale", JsonValue.absent());
    }

    private static JsonObject form(JsonObject kind, String form, List<Long> shape, Uses uses) {
        return kind.with("form", form)
                .with("shape", JsonValue.of(shape.stream().map(JsonValue::of).toList()))
                .with(
                        "tied",
                        switch (uses) {
                            case NAMED -> false;
                            case BOTH -> true;
                        });
    }
}
