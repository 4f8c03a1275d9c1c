package dev.bowline.report;

import dev.bowline.audit.AuditOutcome;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.consumers.ConsumerView;
import dev.bowline.audit.findings.Evidence;
import dev.bowline.audit.findings.Finding;
import dev.bowline.audit.repair.RepairPlan;
import dev.bowline.report.Table.Side;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/// Audits for people: a verdict, the consumer matrix, the findings, the worst first.
public final class AuditReport {

    private static final int WIDTH = 80;

    private AuditReport() {}

    public static String text(List<AuditOutcome> outcomes) {
        String audits = outcomes.stream().map(AuditReport::text).collect(Collectors.joining("\n"));
        return outcomes.size() == 1 ? audits : audits + "\n" + summary(outcomes);
    }

    private static String text(AuditOutcome outcome) {
        return switch (outcome) {
            case AuditOutcome.Unreadable unreadable ->
                wrap("%s: unreadable: %s".formatted(unreadable.path(), unreadable.problem()), "")
                        + fix(unreadable.fix(), "  ");
            case AuditOutcome.Audited audited -> text(audited.audit());
        };
    }

    /// What a repair would do, and what it would lose.
    public static String text(RepairPlan plan) {
        if (plan.changesNothing()) {
            return "Repair\n  there is nothing to do\n";
        }
        StringBuilder text = new StringBuilder("Repair\n");
        plan.steps().forEach(step -> text.append(wrap(step, "  - ")));
        plan.losses().forEach(loss -> text.append(wrap("LOST " + loss, "  - ")));
        return text.toString();
    }

    public static String text(TieAudit audit) {
        StringBuilder text = new StringBuilder();
        text.append(Printable.of(audit.path().toString())).append('\n');
        text.append(wrap(audit.verdict(), "  "));
        text.append('\n').append(wrap(pair(audit), "  "));
        text.append(wrap(flags(audit), "  "));
        audit.sinceBase()
                .ifPresent(moved -> text.append(wrap("since %s: %s".formatted(moved.base(), moved.sentence()), "  ")));
        audit.merge()
                .ifPresent(merge -> text.append(wrap("with %s: %s".formatted(merge.adapter(), merge.effect()), "  ")));
        if (!audit.consumers().isEmpty()) {
            text.append("\nWhat each consumer makes of it\n").append(matrix(audit));
        }
        if (!audit.findings().isEmpty()) {
            text.append("\nFindings\n");
            audit.findings().forEach(finding -> text.append(finding(finding)));
        }
        return text.toString();
    }

    private static String pair(TieAudit audit) {
        return "%s: the files hold %s (%s)"
                .formatted(
                        audit.architecture().orElse("no architecture named"),
                        audit.state().kind().text(),
                        audit.pair().reason());
    }

    private static String flags(TieAudit audit) {
        return audit.flags().isEmpty()
                ? "there is no config.json"
                : audit.flags().stream()
                        .map(flag -> "%s is %s"
                                .formatted(
                                        flag.key(),
                                        flag.value().map(String::valueOf).orElse("absent")))
                        .collect(Collectors.joining(", "));
    }

    private static String matrix(TieAudit audit) {
        Table table = new Table(Side.LEFT, Side.LEFT, Side.LEFT);
        for (ConsumerView view : audit.consumers()) {
            table.row(view.consumer().title(), outcome(view), view.isSilentlyWrong() ? "<- silently wrong" : "");
        }
        StringBuilder text = new StringBuilder(table.text());
        text.append("  because\n");
        List<String> reasons =
                audit.consumers().stream().map(ConsumerView::why).distinct().toList();
        for (String reason : reasons) {
            String who = audit.consumers().stream()
                    .filter(view -> view.why().equals(reason))
                    .map(view -> view.consumer().title())
                    .collect(Collectors.joining(", "));
            text.append(wrap("%s: %s".formatted(who, reason), "    "));
        }
        return text.toString();
    }

    /// The outcome in a few words.
    static String outcome(ConsumerView view) {
        return switch (view.outcome()) {
            case TIED -> view.loses() ? "tied, the head is lost" : "tied";
            case UNTIED -> "untied";
            case RANDOM ->
                switch (view.head()) {
                    case RANDOM ->
                        view.embedding() == dev.bowline.audit.consumers.Source.RANDOM
                                ? "random head and embedding"
                                : "random head";
                    case HEAD, EMBEDDING, BOTH, NONE -> "random embedding";
                };
            case FAILS -> "load fails";
            case UNSUPPORTED -> "not supported";
        };
    }

    private static String finding(Finding finding) {
        StringBuilder text = new StringBuilder();
        String severity = finding.severity().name().toLowerCase(Locale.ROOT);
        text.append("  %s %s %s\n"
                .formatted(finding.code().id(), severity, finding.code().title()));
        text.append(wrap(finding.what(), "      "));
        for (Evidence evidence : finding.evidence()) {
            if (!evidence.value().isEmpty()) {
                text.append(wrap("%s: %s".formatted(evidence.name(), evidence.value()), "      - "));
            }
        }
        text.append(fix(finding.fix(), "      "));
        return text.toString();
    }

    /// A command stays on one line, so that it can be pasted.
    private static String fix(String fix, String indent) {
        return fix.startsWith("bowline ") ? indent + "fix: " + Printable.of(fix) + "\n" : wrap("fix: " + fix, indent);
    }

    static String rank(AuditOutcome outcome) {
        return switch (outcome) {
            case AuditOutcome.Unreadable _ -> "unreadable";
            case AuditOutcome.Audited audited -> rank(audited.audit());
        };
    }

    private static String summary(List<AuditOutcome> outcomes) {
        Table table = new Table(Side.LEFT, Side.LEFT);
        for (AuditOutcome outcome : outcomes) {
            table.row(rank(outcome), Printable.of(outcome.path().toString()));
        }
        return "Summary\n" + table.text();
    }

    static String rank(TieAudit audit) {
        return audit.worst()
                .map(severity -> severity.name().toLowerCase(Locale.ROOT))
                .orElse("clean");
    }

    /// Words broken into lines of at most 80 columns, each after `indent`, dashes only on the first.
    private static String wrap(String sentence, String indent) {
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder(indent);
        boolean empty = true;
        for (String word : sentence.split("\\s+")) {
            if (!empty && line.length() + 1 + word.length() > WIDTH) {
                lines.add(line.toString());
                line = new StringBuilder(indent.replace('-', ' '));
                empty = true;
            }
            line.append(empty ? "" : " ").append(Printable.of(word));
            empty = false;
        }
        lines.add(line.toString());
        return String.join("\n", lines) + "\n";
    }
}
