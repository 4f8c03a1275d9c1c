package dev.bowline.spark;

import dev.bowline.cli.RankProgram;
import java.io.Serial;

/// The failure of a rank, from its task to the driver.
final class RankEnded extends RuntimeException {

    @Serial
    private static final long serialVersionUID = 1;

    private final RankProgram.End end;
    private final String problem;
    private final String fix;

    /// @param problem with the rank and its host
    RankEnded(RankProgram.End end, String problem, String fix) {
        // The stack of a task tells a user nothing.
        super(problem + "\n  fix: " + fix, null, false, false);
        this.end = end;
        this.problem = problem;
        this.fix = fix;
    }

    RankProgram.End end() {
        return end;
    }

    String problem() {
        return problem;
    }

    String fix() {
        return fix;
    }
}
