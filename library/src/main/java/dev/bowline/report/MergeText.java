package dev.bowline.report;

import dev.bowline.adapter.merge.LogitsComparison;
import dev.bowline.adapter.merge.MergeReport;
import dev.bowline.adapter.merge.Rounding;
import dev.bowline.checkpoint.SaveReport.ConfigChange;
import dev.bowline.report.Table.Side;
import java.util.Locale;

/// A merge: the changes by kind of module, the part that rounding lost, and the comparison of the logits.
public final class MergeText implements TextRenderer<MergeReport> {

    /// A part of the delta above which the result is notably another model than base and adapter.
    private static final double NOTABLE_LOSS = 0.05;

    @Override
    public String text(MergeReport report) {
        StringBuilder text = new StringBuilder("Merged\n");
        Table table = Table.ofFields()
                .row("base", report.base().toString())
                .row("adapter", report.adapter().toString())
                .row("result", report.save().directory().toString())
                .row(
                        "tensors",
                        "%s of the adapter, all of them in %s of the result"
                                .formatted(
                                        Quantity.count(report.adapterTensors()),
                                        Quantity.count(report.rewritten(), "tensor")))
                .row("head", head(report));
        for (ConfigChange change : report.save().configChanges()) {
            table.row(
                    "config.json",
                    "%s: %s, before %s"
                            .formatted(
                                    change.path(),
                                    change.after(),
                                    change.before().orElse("absent")));
        }
        text.append(table.text());
        text.append("\nChanges\n").append(changes(report));
        if (report.rounding().lost() > NOTABLE_LOSS) {
            text.append(
                    "note: rounding to the dtype of the result lost %s of the delta; a merge into float32 keeps it\n"
                            .formatted(lost(report.rounding())));
        }
        text.append("\nLogits of %s, computed in float32\n"
                .formatted(Quantity.count(report.logits().tokens(), "token")));
        text.append(logits(report.logits()));
        text.append("\nAudit of the result: %s\n".formatted(report.audit().worstWord()));
        return text.toString();
    }

    private static String head(MergeReport report) {
        return switch (report.save().head()) {
            case TIED -> "tied: one value with the input embedding";
            case SEPARATE -> "separate: a tensor of its own";
        };
    }

    private static String changes(MergeReport report) {
        Table table = new Table(Side.LEFT, Side.RIGHT, Side.RIGHT, Side.RIGHT, Side.RIGHT, Side.RIGHT);
        table.row("kind", "modules", "deltas", "norm", "lost by rounding", "weights without change");
        report.kinds()
                .forEach((kind, changes) -> table.row(
                        kind.text(),
                        Quantity.count(changes.modules()),
                        Quantity.count(changes.deltas()),
                        number(changes.rounding().deltaNorm()),
                        lost(changes.rounding()),
                        vanished(changes.rounding())));
        if (report.kinds().size() > 1) {
            table.row(
                    "total",
                    Quantity.count(report.kinds().values().stream()
                            .mapToLong(MergeReport.Changes::modules)
                            .sum()),
                    Quantity.count(report.deltas()),
                    number(report.rounding().deltaNorm()),
                    lost(report.rounding()),
                    vanished(report.rounding()));
        }
        return table.text();
    }

    private static String lost(Rounding rounding) {
        return String.format(Locale.ROOT, "%.2g %%", 100 * rounding.lost());
    }

    private static String vanished(Rounding rounding) {
        return Quantity.percent(rounding.vanished(), rounding.changed());
    }

    private static String logits(LogitsComparison logits) {
        return Table.ofFields()
                .row("base with adapter, merged", relative(logits.merged()))
                .row("merged, written and read", relative(logits.written()))
                .row("base, base with adapter", relative(logits.effect()))
                .row("KL of the written model", number(logits.divergence()) + " nats")
                .text();
    }

    private static String relative(double difference) {
        return "differ by %s of the largest logit".formatted(number(difference));
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.3g", value);
    }
}
