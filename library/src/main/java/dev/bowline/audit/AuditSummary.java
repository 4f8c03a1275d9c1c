package dev.bowline.audit;

import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/// Several audits, ordered and counted.
///
/// @param worstFirst the outcomes, the worst first; equally bad ones in the order in which they were asked for
public record AuditSummary(List<AuditOutcome> worstFirst) {

    public AuditSummary {
        worstFirst = List.copyOf(worstFirst);
    }

    public static AuditSummary of(List<AuditOutcome> outcomes) {
        return new AuditSummary(outcomes.stream()
                .sorted(Comparator.comparingInt(AuditOutcome::exitCode)
                        .reversed()
                        .thenComparing(AuditOutcome::worst))
                .toList());
    }

    /// The number of checkpoints for each worst severity, the worst first.
    public SequencedMap<String, Long> counts() {
        SequencedMap<String, Long> counts = new LinkedHashMap<>();
        worstFirst.forEach(outcome -> counts.merge(outcome.worst(), 1L, Long::sum));
        return counts;
    }
}
