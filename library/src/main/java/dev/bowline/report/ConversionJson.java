package dev.bowline.report;

import dev.bowline.adapter.format.AdapterConversion.Converted;
import dev.bowline.adapter.format.BaseIdentity;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.util.Locale;

/// The source and the result of an adapter's conversion.
public final class ConversionJson implements JsonRenderer<Converted> {

    @Override
    public JsonObject json(Converted converted) {
        return JsonObject.of()
                .with("adapter", converted.source().toString())
                .with("out", converted.target().toString())
                .with(
                        "layout",
                        converted
                                .layout()
                                .<JsonValue>map(
                                        layout -> JsonValue.of(layout.name().toLowerCase(Locale.ROOT)))
                                .orElse(JsonValue.absent()))
                .with("tensors_read", converted.tensorsRead())
                .with("tensors_written", converted.tensorsWritten())
                .with("stacked_weights", converted.stackedWeights())
                .with(
                        "base_hash",
                        converted
                                .identity()
                                .map(BaseIdentity::hash)
                                .<JsonValue>map(JsonValue::of)
                                .orElse(JsonValue.absent()));
    }
}
