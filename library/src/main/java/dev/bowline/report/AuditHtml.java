package dev.bowline.report;

import dev.bowline.BowlineException;
import dev.bowline.audit.AuditOutcome;
import dev.bowline.audit.ConsumerView;
import dev.bowline.audit.Evidence;
import dev.bowline.audit.Finding;
import dev.bowline.audit.TieAudit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/// Audits as one page that needs nothing else: no script, no font, no network.
public final class AuditHtml {

    private static final String STYLE = """
            body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1c1e;background:#fff}
            h1{font-size:1.4rem}h2{font-size:1.05rem;overflow-wrap:anywhere;margin:2rem 0 .3rem}
            .verdict{padding:.6rem .9rem;border-radius:.4rem;border-left:.35rem solid #2e7d32;background:#eef6ee}
            .critical .verdict,.unreadable .verdict{border-color:#b3261e;background:#fbeceb}
            .high .verdict{border-color:#b26a00;background:#fdf3e3}
            .medium .verdict,.low .verdict{border-color:#2b5fa8;background:#ebf1fa}
            table{border-collapse:collapse;width:100%;margin:.8rem 0}
            th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd;vertical-align:top}
            td:last-child,p,li{overflow-wrap:anywhere}
            tr.wrong td{background:#fbeceb}.muted{color:#5f6368}
            details{border:1px solid #ddd;border-radius:.4rem;padding:.5rem .8rem;margin:.5rem 0}
            summary{cursor:pointer}.tag{display:inline-block;min-width:4.5rem;font-weight:600}
            code{font:13px/1.5 ui-monospace,monospace;background:#f3f3f5;padding:.1rem .3rem;border-radius:.2rem;overflow-wrap:anywhere}
            @media (prefers-color-scheme:dark){body{color:#e6e6e6;background:#17181a}.verdict{color:#1c1c1e}
            th,td,details{border-color:#3a3b3e}code{background:#26272a}tr.wrong td{background:#4a2522}.muted{color:#a0a3a7}}
            """;

    private AuditHtml() {}

    /// Writes the page, over one that is there.
    public static void write(List<AuditOutcome> outcomes, Path file) {
        try {
            Files.writeString(file, page(outcomes));
        } catch (IOException e) {
            throw new BowlineException(
                    "%s was not written: %s".formatted(file, e.getMessage()),
                    "check the directory and its permissions",
                    e);
        }
    }

    static String page(List<AuditOutcome> outcomes) {
        StringBuilder html = new StringBuilder();
        html.append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n")
                .append("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n")
                .append("<title>Tied weights</title>\n<style>\n")
                .append(STYLE)
                .append("</style></head><body>\n<h1>Tied weights</h1>\n");
        if (outcomes.size() > 1) {
            html.append("<table><tr><th>Worst</th><th>Checkpoint</th></tr>\n");
            for (AuditOutcome outcome : outcomes) {
                html.append("<tr><td>%s</td><td>%s</td></tr>\n"
                        .formatted(
                                AuditReport.rank(outcome), text(outcome.path().toString())));
            }
            html.append("</table>\n");
        }
        for (AuditOutcome outcome : outcomes) {
            switch (outcome) {
                case AuditOutcome.Unreadable unreadable ->
                    html.append(
                            "<section class=\"unreadable\"><h2>%s</h2><p class=\"verdict\">unreadable: %s</p><p>%s</p></section>\n"
                                    .formatted(
                                            text(unreadable.path().toString()),
                                            text(unreadable.problem()),
                                            text(unreadable.fix())));
                case AuditOutcome.Audited audited -> append(html, audited.audit());
            }
        }
        return html.append("</body></html>\n").toString();
    }

    private static void append(StringBuilder html, TieAudit audit) {
        html.append("<section class=\"%s\"><h2>%s</h2>\n<p class=\"verdict\">%s</p>\n"
                .formatted(AuditReport.rank(audit), text(audit.path().toString()), text(audit.verdict())));
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
                "<details open><summary><span class=\"tag\">%s</span> %s <span class=\"muted\">%s</span></summary><p>%s</p>\n"
                        .formatted(
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
