package dev.bowline.report;

import static dev.bowline.report.Html.text;

import dev.bowline.BowlineVersion;
import dev.bowline.Remedy;
import dev.bowline.audit.AuditOutcome;
import dev.bowline.audit.AuditSummary;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.consumers.ConsumerView;
import dev.bowline.audit.findings.AdapterMerge;
import dev.bowline.audit.findings.AdapterView;
import dev.bowline.audit.findings.Evidence;
import dev.bowline.audit.findings.Finding;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;

/// Audits as one page that needs nothing else: no script, no font, no network.
public final class AuditHtml implements HtmlRenderer<AuditSummary> {

    private static final DateTimeFormatter DATE = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm z", Locale.ROOT);

    private final Function<Remedy, String> spelling;
    private final ZonedDateTime when;

    /// @param spelling of the operations in fixes
    /// @param when the audits were made
    public AuditHtml(Function<Remedy, String> spelling, ZonedDateTime when) {
        this.spelling = spelling;
        this.when = when;
    }

    @Override
    public String html(AuditSummary summary) {
        List<AuditOutcome> outcomes = summary.worstFirst();
        StringBuilder html = new StringBuilder();
        html.append(Html.start("Tied weights", ""))
                .append("<p class=\"muted\">%s: %s. Audited on %s with Bowline %s.</p>\n"
                        .formatted(
                                Quantity.count(outcomes.size(), "checkpoint"),
                                counts(summary),
                                when.format(DATE),
                                text(BowlineVersion.current())));
        if (outcomes.size() > 1) {
            html.append("<table><tr><th>Worst</th><th>Checkpoint</th></tr>\n");
            for (int i = 0; i < outcomes.size(); i++) {
                String rank = outcomes.get(i).worst();
                html.append("<tr><td class=\"rank %s\">%s</td><td><a href=\"#%s\">%s</a></td></tr>\n"
                        .formatted(
                                rank, rank, id(i), text(outcomes.get(i).path().toString())));
            }
            html.append("</table>\n");
        }
        for (int i = 0; i < outcomes.size(); i++) {
            switch (outcomes.get(i)) {
                case AuditOutcome.Unreadable unreadable ->
                    html.append(
                            "<section class=\"unreadable\" id=\"%s\"><h2>%s</h2><p class=\"verdict\">unreadable: %s</p><p>Fix: %s</p></section>\n"
                                    .formatted(
                                            id(i),
                                            text(unreadable.path().toString()),
                                            text(unreadable.problem()),
                                            text(unreadable.fix().text(spelling))));
                case AuditOutcome.Audited audited -> append(html, id(i), audited.audit());
            }
        }
        return html.append(Html.END).toString();
    }

    private static String id(int section) {
        return "checkpoint-" + (section + 1);
    }

    /// The number of checkpoints for each severity, the worst first.
    private static String counts(AuditSummary summary) {
        return summary.counts().entrySet().stream()
                .map(count -> "%d %s".formatted(count.getValue(), count.getKey()))
                .collect(Collectors.joining(", "));
    }

    private void append(StringBuilder html, String id, TieAudit audit) {
        html.append("<section class=\"%s\" id=\"%s\"><h2>%s</h2>\n<p class=\"verdict\">%s</p>\n"
                .formatted(audit.worstWord(), id, text(audit.path().toString()), text(audit.verdict())));
        html.append("<p class=\"muted\">%s: the files hold %s. %s.</p>\n"
                .formatted(
                        text(audit.architecture().orElse("no architecture named")),
                        text(audit.state().kind().text()),
                        text(audit.pair().reason())));
        audit.sinceBase()
                .ifPresent(moved -> html.append(
                        "<p>Since %s: %s.</p>\n".formatted(text(moved.base().toString()), moved.sentence())));
        audit.merge()
                .ifPresent(merge -> html.append(
                        "<p>With %s: %s.</p>\n".formatted(text(merge.adapter().toString()), merge.effect())));
        audit.merge().filter(merge -> !merge.readers().isEmpty()).ifPresent(merge -> append(html, merge));
        if (!audit.consumers().isEmpty()) {
            html.append("<table><tr><th>Program</th><th>gets</th><th>because</th></tr>\n");
            for (ConsumerView view : audit.consumers()) {
                html.append("<tr%s><td>%s</td><td>%s%s</td><td>%s</td></tr>\n"
                        .formatted(
                                view.isSilentlyWrong() ? " class=\"wrong\"" : "",
                                text(view.consumer().title()),
                                text(view.summary()),
                                view.isSilentlyWrong() ? " (silently wrong)" : "",
                                text(view.why())));
            }
            html.append("</table>\n");
        }
        audit.findings().forEach(finding -> append(html, finding));
        html.append("</section>\n");
    }

    private static void append(StringBuilder html, AdapterMerge merge) {
        html.append("<table><tr><th>Program</th><th>the adapter is</th><th>because</th></tr>\n");
        for (AdapterView view : merge.readers()) {
            html.append("<tr%s><td>%s</td><td>%s</td><td>%s</td></tr>\n"
                    .formatted(
                            view.isSilentlyWrong() ? " class=\"wrong\"" : "",
                            text(view.reader().title()),
                            text(view.outcome().text()) + (view.isSilentlyWrong() ? " (silently wrong)" : ""),
                            text(view.why())));
        }
        html.append("</table>\n");
    }

    private void append(StringBuilder html, Finding finding) {
        html.append(
                "<details open><summary><span class=\"tag rank %s\">%s</span> %s <span class=\"muted\">%s</span></summary><p>%s</p>\n"
                        .formatted(
                                finding.severity().name().toLowerCase(Locale.ROOT),
                                finding.severity().name().toLowerCase(Locale.ROOT),
                                finding.code().id(),
                                finding.code().title(),
                                text(finding.what())));
        html.append("<ul>");
        for (Evidence evidence : finding.evidence()) {
            if (!evidence.value().isEmpty()) {
                html.append("<li>%s: %s</li>".formatted(text(evidence.name()), text(evidence.value())));
            }
        }
        html.append("</ul><p>Fix: <code>%s</code></p></details>\n"
                .formatted(text(finding.fix().text(spelling))));
    }
}
