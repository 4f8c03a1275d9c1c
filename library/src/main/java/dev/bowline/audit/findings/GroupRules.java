package dev.bowline.audit.findings;

import dev.bowline.Fix;
import dev.bowline.audit.consumers.Consumer;
import dev.bowline.audit.evidence.PairScan;
import dev.bowline.audit.evidence.PlacedTensor;
import dev.bowline.audit.evidence.ReleaseTies;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.audit.evidence.TieTable;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/// More than two names for one value, other heads, and heads where none is looked for.
final class GroupRules {

    private final Subject subject;
    private final List<Finding> findings = new ArrayList<>();

    private GroupRules(Subject subject) {
        this.subject = subject;
    }

    static List<Finding> check(Subject subject) {
        GroupRules rules = new GroupRules(subject);
        rules.group();
        rules.auxiliary();
        rules.prefix();
        return rules.findings;
    }

    private void group() {
        Optional<ReleaseTies> release = subject.table().map(TieTable.Entry::newest);
        if (release.isEmpty() || release.get().embedding().isEmpty()) {
            return;
        }
        boolean tied = subject.asked().contains(true);
        String canonical = release.get().embedding().get();
        List<String> aliases = release.get().group(canonical).stream()
                .filter(alias -> !alias.equals(release.get().head().orElse("")))
                .toList();
        if (!tied || aliases.isEmpty()) {
            return;
        }
        List<String> present =
                aliases.stream().filter(subject.tensors()::containsKey).toList();
        boolean canonicalIsThere = subject.pair().embedding().isPresent();
        List<String> different = present.stream()
                .filter(alias -> canonicalIsThere
                        && !hasValueOf(alias, subject.pair().embedding().orElseThrow()))
                .toList();
        if (!canonicalIsThere && (subject.pair().head().isPresent() || !present.isEmpty())) {
            add(
                    FindingCode.T17,
                    Severity.HIGH,
                    "%s is absent, and of its aliases there are %s: a loader may take the head for an input embedding"
                            .formatted(subject.pair().embeddingKey(), present.isEmpty() ? "only the head" : present),
                    Fix.of("restore %s from the original checkpoint"
                            .formatted(subject.pair().embeddingKey())));
        } else if (!different.isEmpty()) {
            add(
                    FindingCode.T17,
                    Severity.HIGH,
                    "%s should be %s and has other values"
                            .formatted(different, subject.pair().embeddingKey()),
                    Fix.of("restore the group from the original checkpoint; Bowline does not derive one from another"));
        }
    }

    private boolean hasValueOf(String alias, PlacedTensor canonical) {
        PlacedTensor tensor = subject.tensors().get(alias);
        return tensor != null && PairScan.isSame(tensor, canonical);
    }

    private void auxiliary() {
        List<String> auxiliary = subject.pair().auxiliary();
        if (!auxiliary.isEmpty() && subject.pair().unmapped().isEmpty()) {
            add(
                    FindingCode.T18,
                    Severity.MEDIUM,
                    "there are other heads or embeddings: a tool that matches the end of a name may confuse one with %s"
                            .formatted(subject.pair().headKey()),
                    Fix.of("no action: Bowline ignores them; %s"
                            .formatted(subject.pair().reason())),
                    new Evidence("others", String.join(", ", auxiliary.subList(0, Math.min(8, auxiliary.size())))));
        }
    }

    private void prefix() {
        String architecture = subject.pair().architecture().orElse("");
        Optional<RenamedTensors> renamed = RenamedTensors.of(subject);
        List<Consumer> not = RenamedTensors.isNotLoaded(subject);
        if (!not.isEmpty()) {
            String key = subject.pair().embeddingKey();
            String others = names(EnumSet.complementOf(EnumSet.copyOf(not)));
            add(
                    FindingCode.T23,
                    Severity.CRITICAL,
                    "%s is not the name that %s expects, so the input embedding stays random%s"
                            .formatted(key, names(not), others.isEmpty() ? "" : "; %s loads it".formatted(others)),
                    renamed.isPresent()
                            ? Rules.repair(subject)
                            : Fix.of("rename the tensor to the name that %s expects".formatted(architecture)));
            return;
        }
        if (renamed.isPresent()) {
            add(
                    FindingCode.T23,
                    Severity.MEDIUM,
                    "%s, and those are not the names of %s"
                            .formatted(renamed.get().problem(), architecture),
                    Rules.repair(subject));
            return;
        }
        StrayHead.of(subject)
                .ifPresent(stray -> add(
                        FindingCode.T23,
                        Severity.MEDIUM,
                        "there is a head under a name that %s does not load: %s, not %s"
                                .formatted(
                                        architecture,
                                        String.join(", ", subject.pair().unmapped()),
                                        subject.pair().headKey()),
                        stray.fix(subject)));
    }

    /// The releases of transformers among them.
    private static String names(Collection<Consumer> consumers) {
        return consumers.stream()
                .filter(consumer -> consumer == Consumer.TRANSFORMERS_4 || consumer == Consumer.TRANSFORMERS_5)
                .map(Consumer::title)
                .collect(Collectors.joining(" and "));
    }

    private void add(FindingCode code, Severity severity, String what, Fix fix, Evidence... evidence) {
        findings.add(new Finding(code, severity, what, List.of(evidence), fix));
    }
}
