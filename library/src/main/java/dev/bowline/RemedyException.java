package dev.bowline;

import java.nio.file.Path;
import java.util.Optional;

/// A failure that an operation of Bowline mends or explains. The fix is in words for every caller; the remedy is the
/// same as data, so that a program can offer the operation under the name that its own users know.
public final class RemedyException extends BowlineException {

    /// Which operation, and on what.
    public sealed interface Remedy {

        /// A repair of the checkpoint makes it loadable: `dev.bowline.audit.repair.Repair`.
        record Repair(Path checkpoint) implements Remedy {}

        /// An audit of the base model together with the adapter: `dev.bowline.audit.AuditOptions`.
        ///
        /// @param base the base model's directory, where the adapter names one that is there
        record AuditAdapter(Optional<Path> base, Path adapter) implements Remedy {}
    }

    private final transient Remedy remedy;

    public RemedyException(String problem, String fix, Remedy remedy) {
        super(problem, fix);
        this.remedy = remedy;
    }

    public Remedy remedy() {
        return remedy;
    }
}
