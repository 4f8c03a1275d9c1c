package dev.bowline.cli;

/// How the person who typed the command called this program, so that commands shown to them can be pasted.
final class Launcher {

    /// Set by the launcher script.
    static final String PROPERTY = "bowline.launcher";

    private Launcher() {}

    /// `bowline` where nothing is known.
    static String name() {
        return System.getProperty(PROPERTY, "bowline");
    }

    /// An argument as a POSIX shell takes it back whole.
    static String quoted(String argument) {
        return argument.matches("[A-Za-z0-9_./:=@%+,~-]+") ? argument : "'" + argument.replace("'", "'\\''") + "'";
    }
}
