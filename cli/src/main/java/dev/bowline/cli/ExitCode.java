package dev.bowline.cli;

import dev.bowline.distributed.RankFailure;

/// The exit codes of the application. README.md documents them; programs rely on them.
final class ExitCode {

    static final int SUCCESS = 0;

    /// The user's input is wrong, or what was asked does not hold.
    static final int REFUSED = 1;

    /// The command line is wrong.
    static final int USAGE = 64;

    /// A bug of ours.
    static final int BUG = 70;

    /// Another rank failed or cannot be reached; a new start resumes from the last checkpoint.
    static final int RANK_FAILURE = RankFailure.EXIT_CODE;

    private ExitCode() {}
}
