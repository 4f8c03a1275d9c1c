package dev.bowline.audit.findings;

import dev.bowline.Fix;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/// Collects the findings of one group of rules on adapters, with a few of the names behind each.
final class AdapterFindings {

    private static final int SHOWN = 5;

    private final List<Finding> findings = new ArrayList<>();

    void add(FindingCode code, Severity severity, String what, String fix, List<String> examples) {
        add(code, severity, what, Fix.of(fix), examples);
    }

    void add(FindingCode code, Severity severity, String what, Fix fix, List<String> examples) {
        List<Evidence> evidence = Stream.of(examples)
                .filter(list -> !list.isEmpty())
                .map(list -> new Evidence("such as", String.join(", ", list.subList(0, Math.min(SHOWN, list.size())))))
                .toList();
        findings.add(new Finding(code, severity, what, evidence, fix));
    }

    List<Finding> found() {
        return List.copyOf(findings);
    }
}
