package dev.bowline.report;

import dev.bowline.Remedy;
import dev.bowline.memory.MemoryEstimate;
import dev.bowline.memory.MemoryReport;
import java.util.function.Function;

/// The memory of a fine-tuning as a table.
public final class MemoryText implements TextRenderer<MemoryReport> {

    private final Function<Remedy, String> spelling;

    /// @param spelling of a change to the recipe
    public MemoryText(Function<Remedy, String> spelling) {
        this.spelling = spelling;
    }

    /// One line: the peak, what there is, and what most of it is.
    public static String line(MemoryReport report) {
        MemoryEstimate estimate = report.estimate();
        return "memory: about %s at the peak for rows of up to %s tokens, %s available"
                .formatted(
                        Quantity.bytes(estimate.total()),
                        Quantity.count(estimate.columns()),
                        Quantity.bytes(report.available().bytes()));
    }

    /// Every part of the estimate, and the changes that make the run fit if it does not.
    @Override
    public String text(MemoryReport report) {
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
            report.remedies(set -> spelling.apply(new Remedy.Assign(set)))
                    .forEach(remedy -> rest.row("too much", remedy));
        }
        return parts.text() + "\n" + rest.text();
    }
}
