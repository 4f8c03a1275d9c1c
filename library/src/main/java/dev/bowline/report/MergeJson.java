package dev.bowline.report;

import dev.bowline.adapter.merge.LogitsComparison;
import dev.bowline.adapter.merge.MergeReport;
import dev.bowline.adapter.merge.Rounding;
import dev.bowline.checkpoint.SaveReport.ConfigChange;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import java.util.List;
import java.util.Locale;

/// A merge: the changes by kind of module, the part that rounding lost, and the comparison of the logits.
public final class MergeJson implements JsonRenderer<MergeReport> {

    @Override
    public JsonObject json(MergeReport report) {
        List<JsonObject> kinds = report.kinds().entrySet().stream()
                .map(entry -> changes(entry.getValue().rounding())
                        .with("kind", entry.getKey().name().toLowerCase(Locale.ROOT))
                        .with("modules", entry.getValue().modules())
                        .with("deltas", entry.getValue().deltas()))
                .toList();
        LogitsComparison logits = report.logits();
        return JsonObject.of()
                .with("base", report.base().toString())
                .with("adapter", report.adapter().toString())
                .with("output", report.save().directory().toString())
                .with("tie_mode", report.tieMode().name().toLowerCase(Locale.ROOT))
                .with("tied", isTied(report))
                .with("adapter_tensors", report.adapterTensors())
                .with("changed_tensors", report.rewritten())
                .with("deltas", report.deltas())
                .with("kinds", JsonValue.of(kinds))
                .with("total", changes(report.rounding()))
                .with(
                        "logits",
                        JsonObject.of()
                                .with("tokens", logits.tokens())
                                .with("merged_difference", logits.merged())
                                .with("written_difference", logits.written())
                                .with("effect", logits.effect())
                                .with("kl_divergence", logits.divergence())
                                .with("allowed_difference", logits.allowed()))
                .with(
                        "config_changes",
                        JsonValue.of(report.save().configChanges().stream()
                                .map(MergeJson::change)
                                .toList()))
                .with(
                        "files",
                        JsonArray.ofStrings(report.save().copied().stream()
                                .map(Object::toString)
                                .toList()))
                .with("bytes", report.save().bytes())
                .with("audit", report.audit().worstWord());
    }

    private static boolean isTied(MergeReport report) {
        return switch (report.save().head()) {
            case TIED -> true;
            case SEPARATE -> false;
        };
    }

    private static JsonObject changes(Rounding rounding) {
        return JsonObject.of()
                .with("delta_norm", rounding.deltaNorm())
                .with("lost_by_rounding", rounding.lost())
                .with("changed_weights", rounding.changed())
                .with("vanished_weights", rounding.vanished());
    }

    private static JsonObject change(ConfigChange change) {
        return JsonObject.of()
                .with("key", change.path())
                .with("before", change.before().<JsonValue>map(JsonValue::of).orElse(JsonValue.absent()))
                .with("after", change.after());
    }
}
