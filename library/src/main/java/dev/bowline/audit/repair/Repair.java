package dev.bowline.audit.repair;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.evidence.RepairPaths;
import dev.bowline.audit.evidence.Subject;
import dev.bowline.files.RepairLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/// Makes a checkpoint mean one thing to every consumer, without losing a bit.
///
/// The repaired checkpoint is made whole in a directory aside, audited there, and only then takes its place in one
/// step; a repair whose result is not clean did not happen.
public final class Repair {

    /// The sidecar that says what was decided.
    public static final String SIDECAR = "bowline_repair.json";

    private Repair() {}

    /// The files that an interrupted repair left next to this checkpoint; the next repair removes them.
    public static Optional<Path> leftover(Path directory) {
        RepairPaths left = RepairPaths.at(directory);
        return Stream.of(left.aside(), left.original()).filter(Files::exists).findFirst();
    }

    /// Decides, and writes nothing.
    ///
    /// @throws BowlineException when the files do not decide, or the result would not be clean
    public static RepairPlan plan(Path directory, RepairOptions options) {
        Subject subject = Subject.read(directory, options.load());
        if (Files.isRegularFile(directory)) {
            throw RepairPlanner.refusal(
                    directory,
                    "it is one file of a checkpoint, and a repair needs config.json, the index and the other files too",
                    Fix.of("name the directory: " + subject.files().directory()));
        }
        return RepairPlanner.plan(subject, options);
    }

    /// Puts a checkpoint back that an interrupted repair in place left next to its place.
    ///
    /// @return whether there was one
    public static boolean putBack(Path directory) {
        RepairPaths left = RepairPaths.at(directory);
        if (!left.isOriginalAway()) {
            return false;
        }
        try (RepairLock _ = RepairLock.take(left.lock(), left.place())) {
            return RepairRun.clear(left, RepairDisk.unobserved());
        } catch (IOException e) {
            throw RepairRun.failed(directory, e);
        }
    }

    /// Writes the repaired checkpoint to `target`, which must not exist.
    ///
    /// @return the audit of the result
    public static TieAudit apply(RepairPlan plan, Path target) {
        return new RepairRun(plan, RepairDisk.unobserved()).to(target);
    }

    /// Replaces the checkpoint by the repaired one, which is complete next to it before the exchange.
    public static TieAudit applyInPlace(RepairPlan plan) {
        return new RepairRun(plan, RepairDisk.unobserved()).inPlace();
    }
}
