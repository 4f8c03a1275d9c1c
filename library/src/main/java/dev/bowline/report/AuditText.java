package dev.bowline.report;

import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.audit.AuditOutcome;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.consumers.ConsumerView;
import dev.bowline.audit.findings.AdapterMerge;
import dev.bowline.audit.findings.AdapterView;
import dev.bowline.audit.findings.Evidence;
import dev.bowline.audit.findings.Finding;
import dev.bowline.report.Table.Side;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.SequencedMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/// Audits for people: a verdict, the consumer matrix, the findings, the worst first.
public final class AuditText implements TextRenderer<List<AuditOutcome>> {

    private static final int WIDTH = 80;

    private final Function<Remedy, String> spelling;

    /// @param spelling of the operations in fixes
    public AuditText(Function<Remedy, String> spelling) {
        this.spelling = spelling;
    }

    @Override
    public String text(List<AuditOutcome> outcomes) {
        String audits = outcomes.stream().map(this::text).collect(Collectors.joining("\n"));
        return outcomes.size() == 1 ? audits : audits + "\n" + summary(outcomes);
    }

    private String text(AuditOutcome outcome) {
        return switch (outcome) {
            case AuditOutcome.Unreadable unreadable ->
                wrap("%s: unreadable: %s".formatted(unreadable.path(), unreadable.problem()), "")
                        + fix(unreadable.fix(), "  ");
            case AuditOutcome.Audited audited -> text(audited.audit());
        };
    }

    private static String readers(AdapterMerge merge) {
        StringBuilder text = new StringBuilder();
        for (AdapterView view : merge.readers()) {
            text.append("  %-15s %-16s %s%n"
                    .formatted(view.reader().title(), view.outcome().text(), view.why()));
        }
        return text.toString();
    }

    /// Renders one audit.
    public String text(TieAudit audit) {
        StringBuilder text = new StringBuilder();
        text.append(Printable.of(audit.path().toString())).append('\n');
        text.append(wrap(audit.verdict(), "  "));
        text.append('\n').append(wrap(pair(audit), "  "));
        text.append(wrap(flags(audit), "  "));
        audit.sinceBase()
                .ifPresent(moved -> text.append(wrap("since %s: %s".formatted(moved.base(), moved.sentence()), "  ")));
        audit.merge()
                .ifPresent(merge -> text.append(wrap("with %s: %s".formatted(merge.adapter(), merge.effect()), "  ")));
        audit.merge()
                .filter(merge -> !merge.readers().isEmpty())
                .ifPresent(merge -> text.append("\nThe adapter's files are, in each program\n")
                        .append(readers(merge)));
        if (!audit.consumers().isEmpty()) {
            text.append("\nEach program gets\n").append(matrix(audit));
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
            table.row(view.consumer().title(), view.summary(), view.isSilentlyWrong() ? "<- silently wrong" : "");
        }
        StringBuilder text = new StringBuilder(table.text());
        text.append("  because\n");
        SequencedMap<String, String> reasons = new LinkedHashMap<>();
        for (ConsumerView view : audit.consumers()) {
            reasons.merge(view.why(), view.consumer().title(), "%s, %s"::formatted);
        }
        reasons.forEach((reason, who) -> text.append(wrap("%s: %s".formatted(who, reason), "    ")));
        return text.toString();
    }

    private String finding(Finding finding) {
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
    private String fix(Fix fix, String indent) {
        String text = "fix: " + fix.text(spelling);
        return fix.isOperation() ? indent + Printable.of(text) + "\n" : wrap(text, indent);
    }

    private static String summary(List<AuditOutcome> outcomes) {
        Table table = new Table(Side.LEFT, Side.LEFT);
        for (AuditOutcome outcome : outcomes) {
            table.row(outcome.worst(), Printable.of(outcome.path().toString()));
        }
        return "Summary\n" + table.text();
    }

    /// Words broken into lines of at most 80 columns, each after `indent`, dashes only on the first.
    static String wrap(String sentence, String indent) {
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
