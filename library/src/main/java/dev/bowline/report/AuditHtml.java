package dev.bowline.report;

import dev.bowline.BowlineException;
import dev.bowline.audit.AuditOutcome;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.consumers.ConsumerView;
import dev.bowline.audit.findings.Evidence;
import dev.bowline.audit.findings.Finding;
import dev.bowline.audit.repair.Repair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/// Audits as one page that needs nothing else: no script, no font, no network.
public final class AuditHtml {

    private static final DateTimeFormatter DATE = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm z", Locale.ROOT);

    /// An outcome and the name that the page's links lead to.
    private record Section(String id, AuditOutcome outcome) {}

    private AuditHtml() {}

    /// Writes the page, over one that is there.
    public static void write(List<AuditOutcome> outcomes, Path file) {
        try {
            Files.writeString(file, page(outcomes, ZonedDateTime.now(ZoneId.systemDefault())));
        } catch (IOException e) {
            throw new BowlineException(
                    "%s was not written: %s".formatted(file, e.getMessage()),
                    "check the directory and its permissions",
                    e);
        }
    }

    /// @param when the audits were made
    static String page(List<AuditOutcome> outcomes, ZonedDateTime when) {
        List<Section> sections = sections(outcomes);
        StringBuilder html = new StringBuilder();
        html.append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n")
                .append("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n")
                .append("<meta name=\"color-scheme\" content=\"light dark\">\n")
                .append("<title>Tied weights</title>\n<style>\n")
                .append(AuditPageStyle.CSS)
                .append("</style></head><body>\n<h1>Tied weights</h1>\n")
                .append("<p class=\"muted\">%s: %s. Audited on %s with Bowline %s.</p>\n"
                        .formatted(
                                Quantity.count(outcomes.size(), "checkpoint"),
                                counts(outcomes),
                                when.format(DATE),
                                text(Repair.version())));
        if (outcomes.size() > 1) {
            html.append("<table><tr><th>Worst</th><th>Checkpoint</th></tr>\n");
            for (Section section : sections) {
                String rank = AuditReport.rank(section.outcome());
                html.append("<tr><td class=\"rank %s\">%s</td><td><a href=\"#%s\">%s</a></td></tr>\n"
                        .formatted(
                                rank,
                                rank,
                                section.id(),
                                text(section.outcome().path().toString())));
            }
            html.append("</table>\n");
        }
        for (Section section : sections) {
            switch (section.outcome()) {
                case AuditOutcome.Unreadable unreadable ->
                    html.append(
                            "<section class=\"unreadable\" id=\"%s\"><h2>%s</h2><p class=\"verdict\">unreadable: %s</p><p>Fix: %s</p></section>\n"
                                    .formatted(
                                            section.id(),
                                            text(unreadable.path().toString()),
                                            text(unreadable.problem()),
                                            text(unreadable.fix())));
                case AuditOutcome.Audited audited -> append(html, section.id(), audited.audit());
            }
        }
        return html.append("</body></html>\n").toString();
    }

    /// The worst first, and those that are equally bad in the order in which they were asked for.
    private static List<Section> sections(List<AuditOutcome> outcomes) {
        List<AuditOutcome> sorted = outcomes.stream()
                .sorted(Comparator.comparingInt(AuditOutcome::exitCode)
                        .reversed()
                        .thenComparing(AuditReport::rank))
                .toList();
        return IntStream.range(0, sorted.size())
                .mapToObj(i -> new Section("checkpoint-" + (i + 1), sorted.get(i)))
                .toList();
    }

    /// The number of checkpoints for each severity, the worst first.
    private static String counts(List<AuditOutcome> outcomes) {
        Map<String, Long> counts = sections(outcomes).stream()
                .collect(Collectors.groupingBy(
                        section -> AuditReport.rank(section.outcome()), LinkedHashMap::new, Collectors.counting()));
        return counts.entrySet().stream()
                .map(count -> "%d %s".formatted(count.getValue(), count.getKey()))
                .collect(Collectors.joining(", "));
    }

    private static void append(StringBuilder html, String id, TieAudit audit) {
        html.append("<section class=\"%s\" id=\"%s\"><h2>%s</h2>\n<p class=\"verdict\">%s</p>\n"
                .formatted(AuditReport.rank(audit), id, text(audit.path().toString()), text(audit.verdict())));
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
        if (!audit.consumers().isEmpty()) {
            html.append("<table><tr><th>Consumer</th><th>makes of it</th><th>because</th></tr>\n");
            for (ConsumerView view : audit.consumers()) {
                html.append("<tr%s><td>%s</td><td>%s%s</td><td>%s</td></tr>\n"
                        .formatted(
                                view.isSilentlyWrong() ? " class=\"wrong\"" : "",
                                text(view.consumer().title()),
                                text(AuditReport.outcome(view)),
                                view.isSilentlyWrong() ? " (silently wrong)" : "",
                                text(view.why())));
            }
            html.append("</table>\n");
        }
        audit.findings().forEach(finding -> append(html, finding));
        html.append("</section>\n");
    }

    private static void append(StringBuilder html, Finding finding) {
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
        html.append("</ul><p>Fix: <code>%s</code></p></details>\n".formatted(text(finding.fix())));
    }

    private static String text(String raw) {
        return Printable.of(raw)
                .replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
