package dev.bowline.report;

import dev.bowline.model.Component;
import dev.bowline.train.ComponentUpdate;
import dev.bowline.train.ExpertBalance;
import dev.bowline.train.RunReport;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/// The relative update of every component, and the load of the experts.
public final class LearningText implements TextRenderer<RunReport> {

    /// Layers of experts that people are shown; programs get all.
    private static final int SHOWN_LAYERS = 12;

    @Override
    public String text(RunReport report) {
        StringBuilder text = new StringBuilder();
        if (!report.updates().isEmpty()) {
            text.append("What moved, against the weights it began with\n")
                    .append(updates(report))
                    .append('\n');
        }
        if (!report.experts().isEmpty()) {
            text.append(experts(report.experts())).append('\n');
        }
        return text.toString();
    }

    private static String updates(RunReport report) {
        Table table = new Table(Table.Side.LEFT, Table.Side.RIGHT, Table.Side.RIGHT);
        for (ComponentUpdate update : report.updates()) {
            table.row(
                    name(update, report),
                    Quantity.count(update.trained() + update.frozen(), "parameter"),
                    moved(update));
        }
        return table.text();
    }

    static String moved(ComponentUpdate update) {
        if (update.trained() == 0) {
            return "frozen";
        }
        if (update.relative() == 0) {
            return "did not move";
        }
        return Double.isFinite(update.relative()) ? percent(update.relative(), 3) : "away from zero";
    }

    static String name(ComponentUpdate update, RunReport report) {
        return hasTiedHead(update, report)
                ? update.component() + " and the tied head"
                : update.component().toString();
    }

    static boolean hasTiedHead(ComponentUpdate update, RunReport report) {
        return update.component() == Component.EMBEDDINGS
                && report.ties().groups().stream()
                        .anyMatch(group -> !group.aliases().isEmpty());
    }

    private static String experts(List<ExpertBalance> layers) {
        int experts = layers.getFirst().chosen().size();
        StringBuilder text = new StringBuilder(
                "Experts' shares of the tokens, of %d; even is %s\n".formatted(experts, percent(1.0 / experts, 1)));
        Table table = new Table(Table.Side.LEFT, Table.Side.RIGHT, Table.Side.RIGHT, Table.Side.LEFT);
        table.row("", "least", "most", "unused");
        List<ExpertBalance> shown = layers.size() <= SHOWN_LAYERS
                ? layers
                : layers.stream()
                        .sorted(Comparator.comparingDouble(ExpertBalance::most).reversed())
                        .limit(SHOWN_LAYERS)
                        .toList();
        for (ExpertBalance layer : shown) {
            table.row(layer.layer(), percent(layer.least(), 1), percent(layer.most(), 1), unused(layer));
        }
        text.append(table.text());
        if (shown.size() < layers.size()) {
            text.append("  and %d layers whose load is more even; the JSON output has all\n"
                    .formatted(layers.size() - shown.size()));
        }
        return text.toString();
    }

    private static String unused(ExpertBalance layer) {
        int unused = layer.unused().size();
        return unused == 0
                ? "none"
                : "%d of %d".formatted(unused, layer.chosen().size());
    }

    private static String percent(double part, int decimals) {
        return String.format(Locale.ROOT, "%." + decimals + "f %%", 100 * part);
    }
}
