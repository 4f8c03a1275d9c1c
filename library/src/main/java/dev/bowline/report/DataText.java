package dev.bowline.report;

import dev.bowline.Remedy;
import dev.bowline.data.check.DataFinding;
import dev.bowline.data.check.DataFinding.Place;
import dev.bowline.data.check.EpochData;
import dev.bowline.data.check.Lengths;
import dev.bowline.data.check.SectionData;
import dev.bowline.train.RecipeDataCheck;
import java.util.Locale;
import java.util.function.Function;

/// The data of a recipe for people: counts, lengths, packing, findings.
public final class DataText implements TextRenderer<RecipeDataCheck> {

    private static final int WIDTH = 100;
    private static final int BAR = 40;
    private static final int SHOWN_PLACES = 3;

    private final Function<Remedy, String> spelling;

    /// @param spelling of the operations in fixes
    public DataText(Function<Remedy, String> spelling) {
        this.spelling = spelling;
    }

    @Override
    public String text(RecipeDataCheck check) {
        StringBuilder text = new StringBuilder(
                "Data of %s\n".formatted(Printable.of(check.recipe().toString())));
        check.sections().forEach(section -> text.append('\n').append(section(section)));
        check.epoch().ifPresent(epoch -> text.append('\n').append(epoch(epoch)));
        if (check.findings().isEmpty()) {
            text.append("\nNo findings.\n");
        } else {
            text.append("\nFindings\n");
            check.findings().forEach(finding -> text.append(finding(finding)));
        }
        return text.toString();
    }

    private static String section(SectionData data) {
        StringBuilder text = new StringBuilder(data.section()).append('\n');
        Table table = Table.ofFields()
                .row("rows", Quantity.count(data.rows()) + refused(data))
                .row("examples", Quantity.count(data.examples().size()) + changed(data))
                .row("tokens", Quantity.count(data.tokens()))
                .row(
                        "trained tokens",
                        "%s (%s)"
                                .formatted(
                                        Quantity.count(data.trainedTokens()),
                                        Quantity.percent(data.trainedTokens(), data.tokens())));
        data.lengths()
                .ifPresent(lengths -> table.row(
                        "lengths",
                        "%d to %d tokens, median %d, 95 %% up to %d"
                                .formatted(
                                        lengths.shortest(),
                                        lengths.longest(),
                                        lengths.median(),
                                        lengths.percentile95())));
        text.append(table.text());
        data.lengths().ifPresent(lengths -> text.append(histogram(lengths)));
        return text.toString();
    }

    private static String refused(SectionData data) {
        return data.refused() == 0 ? "" : ", a run refuses %s".formatted(Quantity.count(data.refused()));
    }

    private static String changed(SectionData data) {
        String cut = data.cut() == 0 ? "" : ", %s cut".formatted(Quantity.count(data.cut()));
        String leftOut = data.leftOut() == 0 ? "" : ", %s left out".formatted(Quantity.count(data.leftOut()));
        return cut + leftOut;
    }

    private static String histogram(Lengths lengths) {
        long most =
                lengths.bins().stream().mapToLong(Lengths.Bin::examples).max().orElse(1);
        Table table = new Table(Table.Side.RIGHT, Table.Side.RIGHT, Table.Side.LEFT);
        table.row("tokens", "examples", "");
        for (Lengths.Bin bin : lengths.bins()) {
            long bar = bin.examples() == 0 ? 0 : Math.max(1, Math.round((double) BAR * bin.examples() / most));
            table.row(range(bin, "-"), Quantity.count(bin.examples()), "#".repeat((int) bar));
        }
        return table.text();
    }

    static String range(Lengths.Bin bin, String between) {
        return bin.from() == bin.to() ? Integer.toString(bin.to()) : bin.from() + between + bin.to();
    }

    private static String epoch(EpochData epoch) {
        return "An epoch\n"
                + Table.ofFields()
                        .row("rows", Quantity.count(epoch.rows()))
                        .row("steps", Quantity.count(epoch.steps()))
                        .row("tokens", Quantity.count(epoch.tokens()))
                        .row("trained tokens", Quantity.count(epoch.trainedTokens()))
                        .row(
                                "positions computed",
                                "%s, %s of them tokens; %s if packed to the sequence length"
                                        .formatted(
                                                Quantity.count(epoch.positions()),
                                                percent(epoch.efficiency()),
                                                percent(epoch.efficiencyIfPacked())))
                        .text();
    }

    static String percent(double share) {
        return String.format(Locale.ROOT, "%.1f %%", 100 * share);
    }

    private String finding(DataFinding finding) {
        StringBuilder text = new StringBuilder();
        text.append(lines(
                "  %s %s, %s: %s".formatted(label(finding), finding.code().id(), finding.section(), finding.what()),
                "    "));
        finding.places().stream().limit(SHOWN_PLACES).forEach(place -> text.append(lines("    " + place(place), "  ")));
        long more = finding.count() - Math.min(SHOWN_PLACES, finding.places().size());
        if (!finding.places().isEmpty() && more > 0) {
            text.append("    and %s more\n".formatted(Quantity.count(more)));
        }
        return text.append(lines("    fix: " + finding.fix().text(spelling), "  "))
                .toString();
    }

    private static String lines(String text, String hanging) {
        return Wrapping.lines(Printable.of(text), WIDTH, hanging) + "\n";
    }

    static String label(DataFinding finding) {
        return finding.severity().name().toLowerCase(Locale.ROOT);
    }

    /// A detail that begins with the place itself needs no other.
    static String place(Place place) {
        return place.detail().isEmpty() || place.detail().startsWith(place.origin())
                ? place.detail().isEmpty() ? place.origin() : place.detail()
                : "%s: %s".formatted(place.origin(), place.detail());
    }
}
