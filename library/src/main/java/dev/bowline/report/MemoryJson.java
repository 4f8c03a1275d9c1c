package dev.bowline.report;

import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.memory.MemoryEstimate;
import dev.bowline.memory.MemoryReport;
import java.util.ArrayList;
import java.util.List;

/// The memory of a fine-tuning, in bytes.
public final class MemoryJson implements JsonRenderer<MemoryReport> {

    @Override
    public JsonObject json(MemoryReport report) {
        MemoryEstimate estimate = report.estimate();
        List<JsonObject> parts = new ArrayList<>();
        for (MemoryEstimate.Part part : estimate.parts()) {
            parts.add(JsonObject.of()
                    .with("component", part.component().toString())
                    .with("weights", part.weights())
                    .with("gradients", part.gradients())
                    .with("optimizer", part.optimizer()));
        }
        List<JsonObject> changes = new ArrayList<>();
        for (MemoryReport.Change change : report.changes()) {
            changes.add(JsonObject.of().with("set", change.set()).with("saves", change.saves()));
        }
        return JsonObject.of()
                .with("components", JsonValue.of(parts))
                .with("activations", estimate.activations())
                .with("loss_chunk", estimate.loss())
                .with("lm_head_gradient", estimate.headGradient())
                .with("process", estimate.process())
                .with("not_at_once", estimate.notAtOnce())
                .with("mapped", estimate.mapped())
                .with("peak", estimate.total())
                .with("available", report.available().bytes())
                .with("changes", JsonValue.of(changes));
    }
}
