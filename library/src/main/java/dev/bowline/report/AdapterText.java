package dev.bowline.report;

import dev.bowline.adapter.AdaptedModule;
import dev.bowline.adapter.AdaptedModule.Uses;
import dev.bowline.adapter.AdapterSummary;
import dev.bowline.report.Table.Side;
import java.util.List;
import java.util.Locale;

/// The modules that an adapter changes as a table, a row for each kind, and the number of trained values. Prefixes of
/// names are lines of their own, so that the rows fit a terminal of 80 columns.
public final class AdapterText implements TextRenderer<AdapterSummary> {

    private static final String LAYER = ".*.";

    /// The longest name outside of layers that fits its column.
    private static final int SHORT = 20;

    /// One line: the modules, the trained values, and their share of all values.
    public static String line(AdapterSummary summary) {
        return "adapter: %s, %s, %s of %s"
                .formatted(
                        Quantity.count(summary.modules(), "module"),
                        Quantity.count(summary.trainedValues(), "trained value"),
                        share(summary),
                        Quantity.count(summary.allValues()));
    }

    @Override
    public String text(AdapterSummary summary) {
        Table table = new Table(Side.LEFT, Side.RIGHT, Side.LEFT, Side.RIGHT, Side.RIGHT, Side.RIGHT)
                .row("adapter", "count", "weight", "rank", "scale", "trained");
        for (AdapterSummary.Kind kind : summary.kinds()) {
            String pattern = kind.pattern();
            row(
                    table,
                    prefix(kind).isEmpty()
                            ? pattern
                            : "  " + pattern.substring(prefix(kind).length() + 1),
                    kind);
        }
        return withPrefixes(summary, table) + "\n" + line(summary) + "\n";
    }

    /// The rows, with a line for a prefix before the first of the kinds that have it.
    private static String withPrefixes(AdapterSummary summary, Table table) {
        List<String> rows = table.text().lines().toList();
        StringBuilder text = new StringBuilder(rows.getFirst()).append('\n');
        String open = "";
        for (int i = 0; i < summary.kinds().size(); i++) {
            String prefix = prefix(summary.kinds().get(i));
            if (!prefix.isEmpty() && !prefix.equals(open)) {
                text.append("  ").append(prefix).append('\n');
            }
            open = prefix;
            text.append(rows.get(i + 1)).append('\n');
        }
        return text.toString();
    }

    /// The name up to the number of the layer, or up to the last segment of a long name; empty for a short name.
    private static String prefix(AdapterSummary.Kind kind) {
        String pattern = kind.pattern();
        int layer = pattern.indexOf(LAYER);
        if (layer >= 0) {
            return pattern.substring(0, layer + 2);
        }
        return pattern.length() <= SHORT ? "" : pattern.substring(0, Math.max(0, pattern.lastIndexOf('.')));
    }

    private static void row(Table table, String name, AdapterSummary.Kind kind) {
        Size size = size(kind.modules().getFirst());
        String tied = switch (size.uses) {
            case NAMED -> "";
            case BOTH -> " (tied)";
        };
        table.row(
                name + tied,
                Quantity.count(kind.modules().size()),
                size.weight.toString(),
                size.rank,
                size.scale,
                Quantity.count(kind.trainedValues()));
    }

    /// The cells of a module.
    ///
    /// @param weight the shape of the weight, or of the rows of it that are trained
    private record Size(List<Long> weight, String rank, String scale, Uses uses) {}

    private static Size size(AdaptedModule module) {
        return switch (module) {
            case AdaptedModule.LinearPair pair -> {
                String rank = Quantity.count(pair.rank());
                yield new Size(
                        List.of(pair.out(), pair.in()),
                        switch (pair.variant()) {
                            case LORA -> rank;
                            case DORA -> "DoRA " + rank;
                        },
                        number(pair.scale()),
                        Uses.NAMED);
            }
            case AdaptedModule.ExpertPairs pairs ->
                new Size(
                        List.of(pairs.experts(), pairs.out(), pairs.in()),
                        Quantity.count(pairs.rank()),
                        number(pairs.scale()),
                        Uses.NAMED);
            case AdaptedModule.EmbeddingPair pair ->
                new Size(
                        List.of(pair.vocabulary(), pair.width()),
                        Quantity.count(pair.rank()),
                        number(pair.scale()),
                        pair.uses());
            case AdaptedModule.SavedModule saved -> new Size(saved.shape(), "whole", "", saved.uses());
            case AdaptedModule.TokenRows rows ->
                new Size(List.of((long) rows.ids().size(), rows.width()), "rows", "", rows.uses());
        };
    }

    /// At most three significant digits.
    private static String number(double value) {
        String text = String.format(Locale.ROOT, "%.3g", value);
        return text.contains(".") && !text.contains("e") ? text.replaceAll("\\.?0+$", "") : text;
    }

    private static String share(AdapterSummary summary) {
        return String.format(Locale.ROOT, "%.3f %%", 100.0 * summary.trainedValues() / summary.allValues());
    }
}
