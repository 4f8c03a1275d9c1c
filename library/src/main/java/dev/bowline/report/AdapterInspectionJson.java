package dev.bowline.report;

import dev.bowline.adapter.AdapterInspection;
import dev.bowline.adapter.AdapterInspection.BaseMatch;
import dev.bowline.adapter.format.AdapterRecord;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/// The contents of an adapter, and its fit with a base model.
public final class AdapterInspectionJson implements JsonRenderer<AdapterInspection> {

    @Override
    public JsonObject json(AdapterInspection adapter) {
        JsonObject json = JsonObject.of()
                .with("name", adapter.name())
                .with("directory", adapter.directory().toString())
                .with("bytes", adapter.bytes())
                .with("tie_mode", adapter.config().tieMode().name().toLowerCase(Locale.ROOT))
                .with("zero_matrices", adapter.zeroMatrices())
                .with("base", recorded(adapter, AdapterRecord::base))
                .with("base_hash", recorded(adapter, record -> record.identity().hash()))
                .with("bowline_version", recorded(adapter, AdapterRecord::bowlineVersion))
                .with(
                        "base_match",
                        switch (adapter.base()) {
                            case BaseMatch.Same _ -> "same";
                            case BaseMatch.NotRecorded _ -> "not_recorded";
                            case BaseMatch.Other _ -> "other";
                        });
        for (Map.Entry<String, JsonValue> each :
                new AdapterJson().json(adapter.summary()).fields().entrySet()) {
            json = json.with(each.getKey(), each.getValue());
        }
        return json;
    }

    private static JsonValue recorded(AdapterInspection adapter, Function<AdapterRecord, String> text) {
        return adapter.record().map(text).<JsonValue>map(JsonValue::of).orElseGet(JsonValue::absent);
    }
}
