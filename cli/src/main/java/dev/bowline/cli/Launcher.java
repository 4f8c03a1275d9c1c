package dev.bowline.cli;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The name by which the user called this program, so that the user can paste the commands that it prints.
final class Launcher {

    /// Set by the launcher script.
    static final String PROPERTY = "bowline.launcher";

    private static final Pattern COMMAND = Pattern.compile("(^ *(?:fix: )?|')bowline (?=[a-zC-])", Pattern.MULTILINE);

    /// The library tells a program to set a key of the recipe.
    private static final Pattern ASSIGNMENT = Pattern.compile("(?<![-\\w])set (?=[a-z_]+(?:\\.[a-z_]+)+=)");

    private static final int LONGEST_IN_SYNOPSIS = 24;

    private Launcher() {}

    /// `bowline` where nothing is known.
    static String name() {
        return System.getProperty(PROPERTY, "bowline");
    }

    /// The name for a synopsis, where a long path would leave no room for the options.
    static String shortName() {
        String name = name();
        return name.length() <= LONGEST_IN_SYNOPSIS ? name : name.substring(name.lastIndexOf('/') + 1);
    }

    /// `text` with the commands in it as the person would type them. A command begins a line, a fix or a
    /// quotation; an assignment to a key of a recipe is an option.
    static String inCommands(String text) {
        return COMMAND.matcher(ASSIGNMENT.matcher(text).replaceAll("--set "))
                .replaceAll("$1" + Matcher.quoteReplacement(quoted(name())) + " ");
    }

    /// Tells a line that is a command of this program, or a fix with one, from other lines.
    static boolean isCommand(String line) {
        String fix = line.strip().replaceFirst("^fix: ", "");
        return fix.startsWith(quoted(name()) + " ");
    }

    /// An argument as a POSIX shell takes it back whole.
    static String quoted(String argument) {
        return argument.matches("[A-Za-z0-9_./:=@%+,~-]+") ? argument : "'" + argument.replace("'", "'\\''") + "'";
    }
}
