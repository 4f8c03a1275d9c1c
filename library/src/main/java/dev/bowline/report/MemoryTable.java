package dev.bowline.report;

import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.memory.MemoryEstimate;
import dev.bowline.memory.MemoryReport;
import java.util.ArrayList;
import java.util.List;

/// The memory a fine-tuning will take, for people and for programs.
public final class MemoryTable {

    private MemoryTable() {}

    /// One line: the peak, what there is, and what most of it is.
    public static String line(MemoryReport report) {
        MemoryEstimate estimate = report.estimate();
        return "memory: about %s at the peak for rows of up to %s tokens, %s available"
                .formatted(
                        Quantity.bytes(estimate.total()),
                        Quantity.count(estimate.columns()),
                        Quantity.bytes(report.available().bytes()));
    }

    /// Every part of it, and what would spare some if it is too much.
    public static String text(MemoryReport report) {
        MemoryEstimate estimate = report.estimate();
        Table parts = new Table(Table.Side.LEFT, Table.Side.RIGHT, Table.Side.RIGHT, Table.Side.RIGHT, Table.Side.RIGHT)
                .row("memory", "weights", "gradients", "optimizer", "together");
        for (MemoryEstimate.Part part : estimate.parts()) {
            parts.row(
                    part.component().toString(),
                    Quantity.bytes(part.weights()),
                    Quantity.bytes(part.gradients()),
                    Quantity.bytes(part.optimizer()),
                    Quantity.bytes(part.bytes()));
        }
        Table rest = Table.ofFields()
                .row(
                        "activations",
                        "%s, for %s of %s"
                                .formatted(
                                        Quantity.bytes(estimate.activations()),
                                        Quantity.count(estimate.rows(), "row"),
                                        Quantity.count(estimate.columns(), "token")))
                .row("loss chunk", Quantity.bytes(estimate.loss()));
        if (estimate.headGradient() > 0) {
            rest.row("lm_head gradient", Quantity.bytes(estimate.headGradient()) + " in float32");
        }
        rest.row("process", Quantity.bytes(estimate.process()));
        if (estimate.notAtOnce() > 0) {
            rest.row("not at once", "-" + Quantity.bytes(estimate.notAtOnce()));
        }
        rest.row("peak", Quantity.bytes(estimate.total()))
                .row(
                        "available",
                        "%s (%s)"
                                .formatted(
                                        Quantity.bytes(report.available().bytes()),
                                        report.available().source()));
        if (estimate.mapped() > 0) {
            rest.row("in mapped files", Quantity.bytes(estimate.mapped()) + ", not counted");
        }
        if (!report.fits()) {
            report.remedies("--set %s").forEach(remedy -> rest.row("too much", remedy));
        }
        return parts.text() + "\n" + rest.text();
    }

    public static JsonObject json(MemoryReport report) {
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
