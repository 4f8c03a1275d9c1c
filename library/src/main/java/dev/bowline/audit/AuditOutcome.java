package dev.bowline.audit;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.audit.findings.Severity;
import java.nio.file.Path;
import java.util.Optional;

/// One of several audits: what came of a path.
public sealed interface AuditOutcome {

    /// The exit code of the command line when nothing of a checkpoint can be read.
    int UNREADABLE = 4;

    Path path();

    /// @return 0 clean, 1 low or medium, 2 high, 3 critical, 4 unreadable
    int exitCode();

    /// The worst severity in lower case, `clean`, or `unreadable`.
    String worst();

    /// The checkpoint was read.
    record Audited(TieAudit audit) implements AuditOutcome {

        @Override
        public Path path() {
            return audit.path();
        }

        @Override
        public String worst() {
            return audit.worstWord();
        }

        @Override
        public int exitCode() {
            return audit.worst().map(Severity::exitCode).orElse(0);
        }
    }

    /// Nothing of it could be read.
    record Unreadable(Path path, String problem, Fix fix) implements AuditOutcome {

        @Override
        public String worst() {
            return "unreadable";
        }

        @Override
        public int exitCode() {
            return UNREADABLE;
        }
    }

    /// Audits `path`, and keeps a failure to read it.
    static AuditOutcome of(Path path, AuditOptions options) {
        Optional<TieAudit> audit;
        try {
            audit = Optional.of(TieAudit.of(path, options));
        } catch (BowlineException e) {
            return new Unreadable(path, e.problem(), e.howToFix());
        }
        return new Audited(audit.get());
    }
}
