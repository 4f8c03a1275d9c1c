package dev.bowline.audit;

import java.util.ArrayList;
import java.util.List;

/// All rules over one checkpoint.
final class Rules {

    private Rules() {}

    static List<Finding> check(Subject subject, List<ConsumerView> views) {
        List<Finding> findings = new ArrayList<>();
        findings.addAll(ContainerRules.check(subject));
        if (subject.pair().hasHead()) {
            if (subject.kind() != PhysicalState.Kind.UNKNOWN) {
                findings.addAll(new PairRules(subject, views).check());
                findings.addAll(new FlagRules(subject, views).check());
                findings.addAll(ValueRules.check(subject));
            }
            findings.addAll(ShapeRules.check(subject));
            findings.addAll(GroupRules.check(subject));
        }
        return findings;
    }

    /// A path as an argument of a command to paste.
    static String quoted(Subject subject) {
        String path = subject.files().path().toString();
        return path.matches("[\\w./@:+-]+") ? path : "'" + path.replace("'", "'\\''") + "'";
    }

    static String repair(Subject subject) {
        return "bowline repair %s --in-place --apply".formatted(quoted(subject));
    }
}
