package dev.bowline.audit;

import java.util.List;
import java.util.Optional;

/// What a repair does, decided before anything is written.
///
/// @param tied what the flag will say at every level
/// @param drop a tensor that is left out because its value is under the other name
/// @param rename a tensor that gets the other's name: from, to
/// @param copy a tensor that is written again under the other's name: from, to
/// @param rewritesIndex whether the index is written anew from the headers
/// @param rewritesAlias whether `__metadata__` names an alias that it must not
/// @param writesConfig whether a level of config.json changes
/// @param vocabulary what `vocab_size` will be at every level that has one; empty leaves them
/// @param steps the same for a person
/// @param losses what is lost; empty for a lossless repair
/// @param after the audit that the result will have
public record RepairPlan(
        TieAudit before,
        boolean tied,
        Optional<String> drop,
        Optional<Renamed> rename,
        Optional<Renamed> copy,
        boolean rewritesIndex,
        boolean rewritesAlias,
        boolean writesConfig,
        Optional<Long> vocabulary,
        List<String> steps,
        List<String> losses,
        TieAudit after) {

    /// A key and the one it becomes.
    public record Renamed(String from, String to) {}

    public RepairPlan {
        steps = List.copyOf(steps);
        losses = List.copyOf(losses);
    }

    public boolean changesNothing() {
        return steps.isEmpty();
    }

    boolean touchesTensors() {
        return drop.isPresent() || rename.isPresent() || copy.isPresent();
    }

    RepairPlan withAfter(TieAudit expected) {
        return new RepairPlan(
                before,
                tied,
                drop,
                rename,
                copy,
                rewritesIndex,
                rewritesAlias,
                writesConfig,
                vocabulary,
                steps,
                losses,
                expected);
    }
}
