package dev.bowline.distributed;

import dev.bowline.BowlineException;

/// A failure of another rank, or of the connection to another rank. The run cannot continue, and a new start of all
/// ranks
/// may succeed.
///
/// A process that catches this failure should end with [#EXIT_CODE] and without waiting for the threads of libtorch.
public final class RankFailure extends BowlineException {

    /// The exit code by which a launcher or Kubernetes knows that a restart may help.
    public static final int EXIT_CODE = 75;

    private static final String RESTART =
            "start all ranks again, with checkpoint.restore_from: auto; a launcher with restarts does that";

    public RankFailure(String problem, Throwable cause) {
        super(problem, RESTART, cause);
    }

    public RankFailure(String problem, String fix) {
        super(problem, fix);
    }

    /// A failure that a new start of all ranks mends.
    public static RankFailure of(String problem) {
        return new RankFailure(problem, RESTART);
    }
}
