package dev.bowline.report;

import dev.bowline.checkpoint.Inspection;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.safetensors.SafetensorsType;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/// The contents of a checkpoint, and the outcome of a load.
public final class InspectionJson implements JsonRenderer<Inspection> {

    @Override
    public JsonObject json(Inspection inspection) {
        List<JsonObject> ignored = new ArrayList<>();
        new TreeMap<>(inspection.ignored())
                .forEach((key, reason) ->
                        ignored.add(JsonObject.of().with("tensor", key).with("reason", reason)));
        Inspection.Head head = inspection.head();
        return JsonObject.of()
                .with("directory", inspection.directory().toString())
                .with("architecture", inspection.architecture())
                .with("vocabulary", inspection.vocabulary())
                .with("max_positions", inspection.maxPositions())
                .with("parameters", inspection.parameters())
                .with("buffered", inspection.buffered())
                .with("bytes", inspection.storedBytes())
                .with("components", parts(inspection.parts()))
                .with("passed_through", parts(inspection.passedThrough()))
                .with("ignored", JsonValue.of(ignored))
                .with("notes", JsonArray.ofStrings(inspection.notes()))
                .with(
                        "head",
                        JsonObject.of()
                                .with("tied", head.flag().tied())
                                .with("flag_from", head.flag().level().key())
                                .with("lm_head", head.head())
                                .with("embedding", head.embedding())
                                .with("files_hold", head.held().toString()))
                .with("loads", inspection.refused().isEmpty())
                .with("refused", JsonArray.ofStrings(inspection.refused()));
    }

    private static JsonArray parts(List<Inspection.Part> parts) {
        return JsonValue.of(parts.stream()
                .map(part -> JsonObject.of()
                        .with("component", part.component().toString())
                        .with("tensors", part.tensors())
                        .with("parameters", part.parameters())
                        .with("buffered", part.buffered())
                        .with("bytes", part.bytes())
                        .with(
                                "stored_as",
                                JsonArray.ofStrings(part.stored().stream()
                                        .map(SafetensorsType::name)
                                        .toList())))
                .toList());
    }
}
