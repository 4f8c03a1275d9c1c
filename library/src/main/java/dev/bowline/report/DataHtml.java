package dev.bowline.report;

import static dev.bowline.report.Html.text;

import dev.bowline.BowlineVersion;
import dev.bowline.Remedy;
import dev.bowline.data.check.DataFinding;
import dev.bowline.data.check.EpochData;
import dev.bowline.data.check.Lengths;
import dev.bowline.data.check.SectionData;
import dev.bowline.train.RecipeDataCheck;
import dev.bowline.train.TokenizedExample;
import dev.bowline.train.TokenizedExample.Token;
import dev.bowline.train.TokenizedExample.Use;
import java.util.Locale;
import java.util.function.Function;

/// The data of a recipe as one page that needs nothing else: no script, no font, no network.
public final class DataHtml implements HtmlRenderer<RecipeDataCheck> {

    private static final String STYLE = """
            .bars td{border:0;padding:.1rem .6rem .1rem 0;white-space:nowrap;width:1%}.bars td.bar{width:auto}
            .bars td:not(.bar){text-align:right;font-variant-numeric:tabular-nums}
            .bar span{display:block;height:.8rem;min-width:1px;background:var(--note);border-radius:.15rem}
            .facts th{white-space:nowrap;font-weight:400;color:var(--muted);width:1%}
            pre.tokens{white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.7 ui-monospace,monospace;background:var(--code);
            padding:.6rem .8rem;border-radius:.4rem}
            .tokens .t{border-radius:.15rem;box-shadow:inset 0 0 0 1px var(--line)}
            .tokens .t.trained{background:var(--good-bg);box-shadow:inset 0 0 0 1px var(--good);color:var(--ink)}
            .scroll{overflow-x:auto}
            """;

    private final Function<Remedy, String> spelling;

    /// @param spelling of the operations in fixes
    public DataHtml(Function<Remedy, String> spelling) {
        this.spelling = spelling;
    }

    @Override
    public String html(RecipeDataCheck check) {
        StringBuilder html = new StringBuilder(Html.start("Training data", STYLE));
        String worst = check.worst()
                .map(severity -> severity.name().toLowerCase(Locale.ROOT))
                .orElse("clean");
        html.append("<p class=\"muted\">%s, examined with Bowline %s.</p>\n"
                .formatted(text(check.recipe().toString()), text(BowlineVersion.current())));
        html.append("<section class=\"%s\"><p class=\"verdict\">%s</p>\n".formatted(worst, text(verdict(check))));
        check.findings().forEach(finding -> append(html, finding));
        html.append("</section>\n");
        check.sections().forEach(section -> append(html, section));
        check.epoch().ifPresent(epoch -> append(html, epoch));
        if (!check.examples().isEmpty()) {
            html.append("<h2>Examples</h2>\n<p class=\"muted\">The model learns to predict the tokens on a green"
                    + " background and reads the others.</p>\n");
            check.examples().forEach(example -> append(html, example));
        }
        return html.append(Html.END).toString();
    }

    private static String verdict(RecipeDataCheck check) {
        return check.findings().isEmpty()
                ? "No findings."
                : "%s; the worst is %s."
                        .formatted(
                                Quantity.count(check.findings().size(), "finding"),
                                check.worst().orElseThrow().name().toLowerCase(Locale.ROOT));
    }

    private void append(StringBuilder html, DataFinding finding) {
        String label = DataText.label(finding);
        html.append(
                "<details open><summary><span class=\"tag rank %s\">%s</span> %s <span class=\"muted\">%s, %s</span></summary><p>%s</p>\n"
                        .formatted(
                                label,
                                label,
                                finding.code().id(),
                                finding.code().title(),
                                text(finding.section()),
                                text(finding.what())));
        if (!finding.places().isEmpty()) {
            html.append("<ul>");
            finding.places().forEach(place -> html.append("<li>%s</li>".formatted(text(DataText.place(place)))));
            long more = finding.count() - finding.places().size();
            if (more > 0) {
                html.append("<li class=\"muted\">and %s more</li>".formatted(Quantity.count(more)));
            }
            html.append("</ul>");
        }
        html.append("<p>Fix: %s</p></details>\n".formatted(text(finding.fix().text(spelling))));
    }

    private static void append(StringBuilder html, SectionData data) {
        html.append("<h2>%s</h2>\n<table class=\"facts\">\n".formatted(text(data.section())));
        fact(html, "rows", Quantity.count(data.rows()));
        if (data.refused() > 0) {
            fact(html, "rows that a run refuses", Quantity.count(data.refused()));
        }
        fact(html, "examples", Quantity.count(data.examples().size()));
        if (data.leftOut() > 0) {
            fact(html, "examples left out", Quantity.count(data.leftOut()));
        }
        if (data.cut() > 0) {
            fact(html, "examples cut", Quantity.count(data.cut()));
        }
        fact(html, "tokens", Quantity.count(data.tokens()));
        fact(
                html,
                "trained tokens",
                "%s (%s)"
                        .formatted(
                                Quantity.count(data.trainedTokens()),
                                Quantity.percent(data.trainedTokens(), data.tokens())));
        html.append("</table>\n");
        data.lengths().ifPresent(lengths -> append(html, lengths));
    }

    private static void append(StringBuilder html, Lengths lengths) {
        html.append("<p>%d to %d tokens, median %d, 95 %% up to %d.</p>\n"
                .formatted(lengths.shortest(), lengths.longest(), lengths.median(), lengths.percentile95()));
        long most =
                lengths.bins().stream().mapToLong(Lengths.Bin::examples).max().orElse(1);
        html.append("<table class=\"bars\"><tr><td class=\"muted\">tokens</td><td class=\"muted\">examples</td>"
                + "<td class=\"bar\"></td></tr>\n");
        for (Lengths.Bin bin : lengths.bins()) {
            String bar = bin.examples() == 0
                    ? ""
                    : String.format(Locale.ROOT, "<span style=\"width:%.1f%%\"></span>", 100.0 * bin.examples() / most);
            html.append("<tr><td>%s</td><td>%s</td><td class=\"bar\">%s</td></tr>\n"
                    .formatted(DataText.range(bin, "–"), Quantity.count(bin.examples()), bar));
        }
        html.append("</table>\n");
    }

    private static void append(StringBuilder html, EpochData epoch) {
        html.append("<h2>An epoch</h2>\n<table class=\"facts\">\n");
        fact(html, "rows", Quantity.count(epoch.rows()));
        fact(html, "steps", Quantity.count(epoch.steps()));
        fact(html, "tokens", Quantity.count(epoch.tokens()));
        fact(html, "trained tokens", Quantity.count(epoch.trainedTokens()));
        fact(
                html,
                "positions computed",
                "%s, %s of them tokens; %s if packed to the sequence length"
                        .formatted(
                                Quantity.count(epoch.positions()),
                                DataText.percent(epoch.efficiency()),
                                DataText.percent(epoch.efficiencyIfPacked())));
        html.append("</table>\n");
    }

    private static void fact(StringBuilder html, String name, String value) {
        html.append("<tr><th>%s</th><td>%s</td></tr>\n".formatted(text(name), text(value)));
    }

    private static void append(StringBuilder html, TokenizedExample example) {
        html.append("<p>%s: %s, %s trained</p>\n<pre class=\"tokens\">"
                .formatted(
                        text(example.origin()),
                        Quantity.count(example.tokens().size(), "token"),
                        Quantity.count(example.trainable())));
        for (Token token : example.tokens()) {
            html.append("<span class=\"t%s\" title=\"%d\">%s</span>"
                    .formatted(
                            token.use() == Use.TRAINED ? " trained" : "",
                            token.id(),
                            Html.escaped(ExampleText.visible(token))));
        }
        html.append("</pre>\n");
    }
}
