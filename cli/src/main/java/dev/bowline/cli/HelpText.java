package dev.bowline.cli;

import dev.bowline.report.Wrapping;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.UsageMessageSpec;

/// The parts of a command's help that are sentences and examples. picocli breaks long lines after a dot or a
/// hyphen too, and so inside of file names; here a line is broken between words, and an example so that a
/// shell takes it.
final class HelpText {

    static final int WIDTH = 80;

    private static final String CONTINUED = " \\";
    private static final String INDENT = "      ";

    private HelpText() {}

    static void install(CommandLine line) {
        line.getHelpSectionMap().put(UsageMessageSpec.SECTION_KEY_DESCRIPTION, HelpText::description);
        line.getHelpSectionMap().put(UsageMessageSpec.SECTION_KEY_FOOTER, HelpText::examples);
    }

    private static String description(Help help) {
        return Arrays.stream(help.commandSpec().usageMessage().description())
                .map(text -> Wrapping.lines(text, WIDTH, "") + "\n")
                .collect(Collectors.joining());
    }

    /// Examples are written for `bowline`, and shown as this program was called.
    private static String examples(Help help) {
        return Arrays.stream(help.commandSpec().usageMessage().footer())
                .map(line -> line.length() > 0 && line.charAt(0) == ' '
                        ? example(Launcher.inCommands(line))
                        : Wrapping.lines(Launcher.inCommands(line), WIDTH, ""))
                .map(text -> text + "\n")
                .collect(Collectors.joining());
    }

    /// A command and, after three spaces, its purpose, which moves to a line of its own where both are too
    /// long.
    private static String example(String line) {
        if (line.length() <= WIDTH) {
            return line;
        }
        int gap = line.indexOf("   ", line.length() - line.stripLeading().length());
        String command = gap < 0 ? line : line.substring(0, gap);
        String purpose =
                gap < 0 ? "" : "\n" + INDENT + "# " + line.substring(gap).strip();
        return broken(command) + purpose;
    }

    private static String broken(String command) {
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder();
        for (String word : words(command)) {
            if (!line.toString().isBlank() && line.length() + 1 + word.length() + CONTINUED.length() > WIDTH) {
                lines.add(line + CONTINUED);
                line = new StringBuilder(INDENT).append(word);
            } else {
                line.append(line.isEmpty() ? "  " : " ").append(word);
            }
        }
        lines.add(line.toString());
        return String.join("\n", lines);
    }

    /// The words of a shell's line: what is quoted is one.
    private static List<String> words(String command) {
        List<String> words = new ArrayList<>();
        StringBuilder word = new StringBuilder();
        boolean quoted = false;
        for (char each : command.strip().toCharArray()) {
            quoted ^= each == '\'';
            if (each == ' ' && !quoted) {
                words.add(word.toString());
                word.setLength(0);
            } else {
                word.append(each);
            }
        }
        words.add(word.toString());
        return words;
    }
}
