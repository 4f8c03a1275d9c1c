package dev.bowline.audit;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

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
        boolean tied = PairRules.asked(subject).contains(true);
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
                    "restore %s from the original checkpoint"
                            .formatted(subject.pair().embeddingKey()));
        } else if (!different.isEmpty()) {
            add(
                    FindingCode.T17,
                    Severity.HIGH,
                    "%s should be %s and has other values"
                            .formatted(different, subject.pair().embeddingKey()),
                    "restore the group from the original checkpoint; none of them is guessed from another");
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
                    "there are other heads or embeddings: a tool that goes by the ending of a name may take one for %s"
                            .formatted(subject.pair().headKey()),
                    "nothing here: they are left alone; %s"
                            .formatted(subject.pair().reason()),
                    new Evidence("others", String.join(", ", auxiliary.subList(0, Math.min(8, auxiliary.size())))));
        }
    }

    private void prefix() {
        String architecture = subject.pair().architecture().orElse("");
        Optional<String> wrapper = Wrapper.of(subject);
        if (Wrapper.isNotLoaded(subject)) {
            String key = subject.pair().embeddingKey();
            add(
                    FindingCode.T23,
                    Severity.CRITICAL,
                    "%s has a prefix too much: transformers 5 loads it, transformers 4 leaves the input embedding random"
                            .formatted(key),
                    wrapper.isPresent() ? Rules.repair(subject) : "name it as %s does".formatted(architecture));
            return;
        }
        if (wrapper.isPresent()) {
            add(
                    FindingCode.T23,
                    Severity.MEDIUM,
                    "every tensor's name has '%s' in front, which %s does not load"
                            .formatted(wrapper.get(), architecture),
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

    private void add(FindingCode code, Severity severity, String what, String fix, Evidence... evidence) {
        findings.add(new Finding(code, severity, what, List.of(evidence), fix));
    }
}
