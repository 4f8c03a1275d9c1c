package dev.bowline.audit.findings;

import java.util.ArrayList;
import java.util.List;

/// All rules on an adapter and its base, but for the tie.
final class AdapterFit {

    private AdapterFit() {}

    static List<Finding> check(AdapterFacts facts) {
        List<Finding> findings = new ArrayList<>();
        if (!facts.tensors().isEmpty()) {
            findings.addAll(AdapterNames.check(facts));
            findings.addAll(AdapterScale.check(facts));
            findings.addAll(AdapterEffect.check(facts));
            findings.addAll(AdapterShapes.check(facts));
            findings.addAll(AdapterTrained.check(facts));
            findings.addAll(AdapterOrigin.check(facts));
        }
        return findings;
    }
}
