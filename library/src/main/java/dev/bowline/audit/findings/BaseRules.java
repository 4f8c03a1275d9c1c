package dev.bowline.audit.findings;

import dev.bowline.audit.evidence.PhysicalState.Kind;
import dev.bowline.audit.evidence.ReleaseTies;
import dev.bowline.audit.evidence.SinceBase;
import dev.bowline.audit.evidence.Subject;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// A checkpoint against the one it was made from.
public final class BaseRules {

    private final Subject subject;
    private final Subject base;
    private final SinceBase moved;
    private final List<Finding> findings = new ArrayList<>();

    private BaseRules(Subject subject, Subject base, SinceBase moved) {
        this.subject = subject;
        this.base = base;
        this.moved = moved;
    }

    public static List<Finding> check(Subject subject, Subject base, SinceBase moved) {
        BaseRules rules = new BaseRules(subject, base, moved);
        rules.merge();
        rules.changes();
        return rules.findings;
    }

    /// Two values under a tied flag, of which the base says which one moved.
    private void merge() {
        if (subject.kind() != Kind.BOTH_DIFFER || !subject.asked().contains(true)) {
            return;
        }
        boolean head = moved.head() == SinceBase.Side.MOVED;
        boolean embedding = moved.embedding() == SinceBase.Side.MOVED;
        if (!head && !embedding) {
            return;
        }
        findings.add(new Finding(
                FindingCode.T13,
                Severity.CRITICAL,
                "%s since the base, but the flag still says tied: a merge did not update the flag"
                        .formatted(
                                head && embedding
                                        ? "both moved"
                                        : head ? "the head moved" : "the input embedding moved"),
                List.of(
                        new Evidence("head moved", String.valueOf(head)),
                        new Evidence("embedding moved", String.valueOf(embedding))),
                Rules.repair(subject)));
    }

    private void changes() {
        List<Evidence> evidence = new ArrayList<>();
        subject.flags().forEach(flag -> {
            Optional<Boolean> was = ReleaseTies.flagAt(base.config(), flag.level());
            if (!was.equals(flag.value())) {
                evidence.add(new Evidence(flag.key(), "%s, was %s".formatted(word(flag.value()), word(was))));
            }
        });
        if (subject.kind() != base.kind()) {
            evidence.add(new Evidence(
                    "the files hold",
                    "%s, was %s".formatted(subject.kind().text(), base.kind().text())));
        }
        note(evidence, "added", difference(subject, base));
        note(evidence, "removed", difference(base, subject));
        if (!evidence.isEmpty()) {
            findings.add(new Finding(
                    FindingCode.T26,
                    Severity.HIGH,
                    "flag, tensors or keys differ from the base",
                    evidence,
                    "if the change is not intended, repeat the step that made it from %s"
                            .formatted(base.files().path())));
        }
    }

    private static Set<String> difference(Subject a, Subject b) {
        Set<String> keys = new TreeSet<>(a.tensors().keySet());
        keys.removeAll(b.tensors().keySet());
        return keys;
    }

    private static void note(List<Evidence> evidence, String name, Set<String> keys) {
        if (!keys.isEmpty()) {
            evidence.add(new Evidence(
                    "keys " + name,
                    "%d: %s"
                            .formatted(
                                    keys.size(),
                                    String.join(", ", keys.stream().limit(5).toList()))));
        }
    }

    private static String word(Optional<Boolean> flag) {
        return flag.map(String::valueOf).orElse("absent");
    }
}
