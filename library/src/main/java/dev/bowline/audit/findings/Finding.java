package dev.bowline.audit.findings;

import dev.bowline.Fix;
import java.util.List;

/// A problem of a checkpoint, or a fact that its owner should know.
///
/// @param what one sentence about this checkpoint
/// @param evidence the numbers and names behind it
/// @param fix the next step, with the repair as data where a repair ends the finding
public record Finding(FindingCode code, Severity severity, String what, List<Evidence> evidence, Fix fix) {

    public Finding {
        evidence = List.copyOf(evidence);
    }

    Finding(FindingCode code, Severity severity, String what, List<Evidence> evidence, String fix) {
        this(code, severity, what, evidence, Fix.of(fix));
    }
}
