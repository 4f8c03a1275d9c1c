package dev.bowline.audit.evidence;

import java.nio.file.Path;

/// A path as a word of a shell command.
public final class ShellWord {

    private ShellWord() {}

    public static String of(Path name) {
        String path = name.toString();
        return path.matches("[\\w./@:+-]+") ? path : "'" + path.replace("'", "'\\''") + "'";
    }
}
