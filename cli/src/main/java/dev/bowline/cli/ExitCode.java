package dev.bowline.cli;

/// What the application's exit code says. Documented in README.md; programs rely on it.
final class ExitCode {

    static final int SUCCESS = 0;

    /// The user's input is wrong, or what was asked does not hold.
    static final int REFUSED = 1;

    /// The command line is wrong.
    static final int USAGE = 64;

    /// A bug of ours.
    static final int BUG = 70;

    private ExitCode() {}
}
