package dev.bowline.audit.findings;

import dev.bowline.Fix;
import dev.bowline.audit.consumers.ConsumerView;
import dev.bowline.audit.consumers.Outcome;
import dev.bowline.audit.consumers.Source;
import dev.bowline.audit.evidence.PhysicalState.Kind;
import dev.bowline.audit.evidence.Subject;
import java.util.ArrayList;
import java.util.List;

/// The last rule: a matrix with a consumer that loads another model without an error is critical, whatever severity the
/// other rules gave to the cause.
final class SilentCells {

    private SilentCells() {}

    /// @param findings of the other rules
    static List<Finding> withCause(Subject subject, List<ConsumerView> views, List<Finding> findings) {
        List<ConsumerView> silent =
                views.stream().filter(ConsumerView::isSilentlyWrong).toList();
        if (silent.isEmpty() || findings.stream().anyMatch(finding -> finding.severity() == Severity.CRITICAL)) {
            return findings;
        }
        FindingCode code = cause(subject, silent.getFirst());
        String what = silent.stream().anyMatch(view -> view.outcome() == Outcome.RANDOM)
                ? "%s would start from random values, without an error".formatted(Verdicts.names(silent))
                : "%s would ignore a trained value, without an error: %s"
                        .formatted(Verdicts.names(silent), silent.getFirst().why());
        List<Finding> all = new ArrayList<>();
        boolean raised = false;
        for (Finding finding : findings) {
            boolean isCause = !raised && finding.code() == code;
            all.add(isCause ? critical(finding, what) : finding);
            raised |= isCause;
        }
        if (!raised) {
            all.add(new Finding(code, Severity.CRITICAL, what, List.of(), fix(subject, code, silent)));
        }
        return all;
    }

    private static FindingCode cause(Subject subject, ConsumerView view) {
        if (subject.kind() == Kind.QUANTISED) {
            return FindingCode.T11;
        }
        if (view.outcome() != Outcome.RANDOM) {
            return FindingCode.T25;
        }
        if (subject.kind() == Kind.HEAD_ONLY && subject.asked().contains(true)) {
            return FindingCode.T07;
        }
        boolean headIsNotRead = view.head() == Source.RANDOM && subject.pair().headIsThere();
        boolean embeddingIsNotRead =
                view.embedding() == Source.RANDOM && subject.pair().embeddingIsThere();
        if (headIsNotRead || embeddingIsNotRead) {
            return FindingCode.T23;
        }
        return view.embedding() != Source.RANDOM
                ? FindingCode.T02
                : view.head() != Source.RANDOM ? FindingCode.T02C : FindingCode.T02B;
    }

    private static Finding critical(Finding finding, String what) {
        return new Finding(
                finding.code(),
                Severity.CRITICAL,
                "%s; %s".formatted(finding.what(), what),
                finding.evidence(),
                finding.fix());
    }

    private static Fix fix(Subject subject, FindingCode code, List<ConsumerView> silent) {
        return code == FindingCode.T25
                ? Fix.of("do not use this checkpoint with %s: no flag and no name makes it read that value"
                        .formatted(Verdicts.names(silent)))
                : Rules.repair(subject);
    }
}
