package dev.bowline.audit.repair;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.evidence.BowlineLoad;
import dev.bowline.audit.evidence.RebuiltRows;
import dev.bowline.audit.evidence.TensorNames;
import dev.bowline.audit.evidence.TiePair;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// The steps of a repair, decided before anything is written.
///
/// @param load Bowline's own load, for the audit of what was written
/// @param pair the head and the embedding that it is about, by the names that they are looked for afterwards
/// @param tied the flag at every level after the repair
/// @param names the tensors that are left out, renamed or written twice
/// @param rebuilt rows of the input embedding that get new values
/// @param malformed files that are written anew because they break the format
/// @param rewritesIndex whether the index is written anew from the headers
/// @param rewritesAlias whether `__metadata__` names an alias that it must not
/// @param writesConfig whether a level of config.json changes
/// @param vocabulary the `vocab_size` at every level that has one; empty leaves them unchanged
/// @param steps the same for a person
/// @param losses the lost values; empty for a lossless repair
/// @param after the audit that the result will have
public record RepairPlan(
        TieAudit before,
        Optional<BowlineLoad> load,
        TiePair pair,
        boolean tied,
        TensorNames names,
        Optional<RebuiltRows> rebuilt,
        Set<Path> malformed,
        boolean rewritesIndex,
        boolean rewritesAlias,
        boolean writesConfig,
        Optional<Long> vocabulary,
        List<String> steps,
        List<String> losses,
        TieAudit after) {

    public RepairPlan {
        malformed = Set.copyOf(malformed);
        steps = List.copyOf(steps);
        losses = List.copyOf(losses);
    }

    public boolean changesNothing() {
        return steps.isEmpty();
    }

    /// Refuses to replace what may hold more than could be read of it.
    ///
    /// @throws BowlineException when a file is malformed
    public void requireInPlace() {
        if (!malformed.isEmpty()) {
            throw new BowlineException(
                    "%s is malformed, and a malformed file is not replaced"
                            .formatted(malformed.iterator().next()),
                    Fix.of("write the result elsewhere: ").and(Remedy.Repair.into(Path.of("NEW"), before.path())));
        }
    }

    RepairPlan withAfter(TieAudit expected) {
        return new RepairPlan(
                before,
                load,
                pair,
                tied,
                names,
                rebuilt,
                malformed,
                rewritesIndex,
                rewritesAlias,
                writesConfig,
                vocabulary,
                steps,
                losses,
                expected);
    }
}
