package dev.bowline.audit.findings;

import java.util.List;

/// Something about a checkpoint that its owner should know.
///
/// @param what one sentence about this checkpoint
/// @param evidence the numbers and names behind it
/// @param fix what to do, as a command to paste where there is one
public record Finding(FindingCode code, Severity severity, String what, List<Evidence> evidence, String fix) {

    public Finding {
        evidence = List.copyOf(evidence);
    }
}
