package dev.bowline.report;

import dev.bowline.adapter.export.ExportReport;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;

/// The result of an adapter's export.
public final class ExportJson implements JsonRenderer<ExportReport> {

    @Override
    public JsonObject json(ExportReport report) {
        return JsonObject.of()
                .with("for", report.target().text())
                .with("out", report.directory().toString())
                .with("tensors_read", report.tensorsIn())
                .with("tensors_left_out", report.tensorsLeftOut())
                .with("tensors_written", report.tensorsOut())
                .with("max_rank", report.maxRank())
                .with(
                        "notes",
                        JsonValue.of(report.notes().stream().map(JsonValue::of).toList()));
    }
}
