package dev.bowline.report;

import static dev.bowline.report.Html.text;

import dev.bowline.memory.MemoryEstimate;
import dev.bowline.memory.MemoryReport;
import dev.bowline.recipe.EffectiveSettings.Setting;
import dev.bowline.ties.TieGroup;
import dev.bowline.ties.TieLedger;
import dev.bowline.train.ComponentUpdate;
import dev.bowline.train.ExpertBalance;
import dev.bowline.train.RunReport;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;
import java.util.stream.IntStream;

/// The parts of the report of a run below its curves.
final class RunPageSections {

    private static final int SHOWN_LAYERS = 12;

    private final StringBuilder html;
    private final RunHistory run;

    private RunPageSections(StringBuilder html, RunHistory run) {
        this.html = html;
        this.run = run;
    }

    static void append(StringBuilder html, RunHistory run) {
        RunPageSections sections = new RunPageSections(html, run);
        sections.moved();
        sections.experts();
        sections.memory();
        sections.ties();
        sections.model();
        sections.recipe();
        sections.environment();
    }

    private void moved() {
        List<ComponentUpdate> updates = run.result().map(RunReport::updates).orElse(List.of());
        if (updates.isEmpty()) {
            return;
        }
        RunReport report = run.result().orElseThrow();
        double most = updates.stream()
                .mapToDouble(ComponentUpdate::relative)
                .filter(Double::isFinite)
                .max()
                .orElse(0);
        html.append("<h2>What moved</h2>\n<p class=\"muted\">The norm of the change of each component, relative to the"
                + " norm of the weights that this process began with.</p>\n");
        html.append("<table class=\"facts bars\">\n");
        for (ComponentUpdate update : updates) {
            String bar = update.relative() > 0 && Double.isFinite(update.relative())
                    ? String.format(
                            Locale.ROOT,
                            "<div class=\"bar\"><span style=\"width:%.1f%%\"></span></div>",
                            100 * update.relative() / most)
                    : "";
            html.append("<tr><th>%s</th><td class=\"number\">%s</td><td>%s</td></tr>\n"
                    .formatted(text(LearningText.name(update, report)), text(LearningText.moved(update)), bar));
        }
        html.append("</table>\n");
    }

    private void experts() {
        SequencedMap<String, RunHistory.Shares> layers = run.experts();
        if (layers.isEmpty()) {
            return;
        }
        html.append("<h2>Experts</h2>\n<p class=\"muted\">The share of the tokens of the expert with the most tokens"
                + " (blue) and with the fewest (orange) in each layer, by step%s.</p>\n"
                        .formatted(run.facts().ranks() > 1 ? ", in the rows of the first rank" : ""));
        html.append("<div class=\"charts\">\n");
        layers.entrySet().stream()
                .sorted(Comparator.comparingDouble((Map.Entry<String, RunHistory.Shares> layer) ->
                        -layer.getValue().most().points().getLast().mean()))
                .limit(SHOWN_LAYERS)
                .sorted(Comparator.comparingInt(
                        layer -> List.copyOf(layers.keySet()).indexOf(layer.getKey())))
                .forEach(layer -> {
                    List<LineChart.Line> lines = List.of(
                            new LineChart.Line(
                                    "most", "a", layer.getValue().most().points()),
                            new LineChart.Line(
                                    "least", "b", layer.getValue().least().points()));
                    html.append("<figure><figcaption>%s</figcaption>\n%s</figure>\n"
                            .formatted(
                                    text(layer.getKey()),
                                    new LineChart("Shares of experts, " + layer.getKey(), lines, run.marks()).svg()));
                });
        html.append("</div>\n");
        run.result().map(RunReport::experts).filter(all -> !all.isEmpty()).ifPresent(this::expertTable);
    }

    private void expertTable(List<ExpertBalance> layers) {
        html.append("<details><summary>Shares of all experts since the start of this process</summary>\n"
                + "<div class=\"scroll\"><table><tr><th>layer</th>");
        int most =
                layers.stream().mapToInt(layer -> layer.chosen().size()).max().orElse(0);
        IntStream.range(0, most).forEach(expert -> html.append("<th class=\"number\">%d</th>".formatted(expert)));
        html.append("</tr>\n");
        for (ExpertBalance layer : layers) {
            html.append("<tr><td>%s</td>".formatted(text(layer.layer())));
            for (int expert = 0; expert < layer.chosen().size(); expert++) {
                html.append(String.format(Locale.ROOT, "<td class=\"number\">%.1f %%</td>", 100 * layer.share(expert)));
            }
            html.append("</tr>\n");
        }
        html.append("</table></div></details>\n");
    }

    private void memory() {
        MemoryReport memory = run.facts().memory();
        MemoryEstimate estimate = memory.estimate();
        html.append("<h2>Memory</h2>\n<table class=\"facts\">\n");
        fact("estimated peak", Quantity.bytes(estimate.total()));
        run.peakMemory()
                .ifPresent(peak -> fact(
                        "measured peak",
                        "%s resident, %s of the estimate"
                                .formatted(Quantity.bytes(peak), Quantity.percent(peak, estimate.total()))));
        fact(
                "available at the start",
                "%s (%s)"
                        .formatted(
                                Quantity.bytes(memory.available().bytes()),
                                memory.available().source()));
        for (MemoryEstimate.Part part : estimate.parts()) {
            fact(
                    part.component().toString(),
                    "%s: weights %s, gradients %s, optimizer %s"
                            .formatted(
                                    Quantity.bytes(part.bytes()),
                                    Quantity.bytes(part.weights()),
                                    Quantity.bytes(part.gradients()),
                                    Quantity.bytes(part.optimizer())));
        }
        fact("activations", Quantity.bytes(estimate.activations()));
        fact("loss chunk", Quantity.bytes(estimate.loss()));
        if (estimate.mapped() > 0) {
            fact(
                    "in mapped files",
                    Quantity.bytes(estimate.mapped()) + ", not in the estimate, and resident as far as read");
        }
        html.append("</table>\n");
    }

    private void ties() {
        TieLedger ledger =
                run.result().map(RunReport::ties).orElse(run.facts().load().ledger());
        html.append("<h2>Tie ledger</h2>\n");
        for (TieGroup group : ledger.groups()) {
            html.append("<p><b>%s</b>: %s</p>\n<table class=\"facts\">\n"
                    .formatted(
                            text(group.name()),
                            group.aliases().isEmpty() ? "separate, a value of its own" : "tied, one value"));
            fact("value", group.canonical());
            group.aliases().forEach(alias -> fact("also", alias));
            fact(
                    "because",
                    "%s is %s"
                            .formatted(group.flag().level().key(), group.flag().tied()));
            group.hashAtLoad().ifPresent(hash -> hash("sha256 as loaded", hash));
            group.hashAtSave().ifPresent(hash -> hash("sha256 as saved, read back", hash));
            html.append("</table>\n");
        }
    }

    private void hash(String name, String hash) {
        html.append("<tr><th>%s</th><td><code>%s</code></td></tr>\n".formatted(text(name), text(hash)));
    }

    private void model() {
        RunFacts facts = run.facts();
        html.append("<h2>Model</h2>\n<table class=\"facts\">\n");
        fact("base", facts.base().toString());
        if (!facts.load().checkpoint().equals(facts.base())) {
            fact("weights loaded from", facts.load().checkpoint().toString());
        }
        run.result().flatMap(RunReport::checkpoint).ifPresent(saved -> fact("last checkpoint", saved.toString()));
        fact("architecture", facts.load().architecture());
        fact("dtype", facts.load().dtype().configName());
        fact(
                "parameters",
                "%s, %s of them trained"
                        .formatted(
                                Quantity.count(facts.memory().parameters()),
                                Quantity.count(facts.trainedParameters())));
        html.append("</table>\n");
    }

    private void recipe() {
        html.append("<h2>Recipe</h2>\n<p class=\"muted\">%s</p>\n"
                .formatted(text(run.facts().file().recipe().source().toString())));
        List<Setting> given = new ArrayList<>();
        List<Setting> defaults = new ArrayList<>();
        for (Setting setting : run.facts().file().settings().rows()) {
            (setting.origin().isGiven() ? given : defaults).add(setting);
        }
        settings(given);
        html.append("<details><summary>%s</summary>\n".formatted(Quantity.count(defaults.size(), "default")));
        settings(defaults);
        html.append("</details>\n");
    }

    private void settings(List<Setting> settings) {
        html.append("<table class=\"settings\"><tr><th>key</th><th>value</th><th>origin</th></tr>\n");
        for (Setting setting : settings) {
            html.append("<tr><td>%s</td><td>%s</td><td class=\"muted\">%s</td></tr>\n"
                    .formatted(
                            text(setting.key()),
                            text(setting.value().orElse("–")),
                            text(setting.origin().toString())));
        }
        html.append("</table>\n");
    }

    private void environment() {
        html.append("<h2>Environment</h2>\n<table class=\"facts\">\n");
        run.facts().environment().forEach(this::fact);
        html.append("</table>\n");
    }

    private void fact(String name, String value) {
        html.append("<tr><th>%s</th><td>%s</td></tr>\n".formatted(text(name), text(value)));
    }
}
