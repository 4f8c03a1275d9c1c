package dev.bowline.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParseResult;

/// The command line of a rank: the program of this process, with its arguments but those of the launch.
///
/// @param program the words up to the arguments
/// @param arguments the command and its arguments
record RankCommand(List<String> program, List<String> arguments) {

    private static final String MAIN = Bowline.class.getName();
    private static final Path OWN_COMMAND = Path.of("/proc/self/cmdline");

    RankCommand {
        program = List.copyOf(program);
        arguments = List.copyOf(arguments);
    }

    /// The program as this process was started; the environment that the launcher script has set is inherited.
    static RankCommand ofThisProcess(CommandSpec command) {
        return new RankCommand(ownProgram(), arguments(command));
    }

    private static List<String> ownProgram() {
        List<String> words = ownWords();
        int end = words.indexOf(MAIN);
        return end < 0 ? otherProgram() : words.subList(0, end + 1);
    }

    private static List<String> ownWords() {
        try {
            return List.of(Files.readString(OWN_COMMAND, StandardCharsets.UTF_8).split("\0"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// For a program that calls the commands in its own process.
    private static List<String> otherProgram() {
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                MAIN);
    }

    private static List<String> arguments(CommandSpec command) {
        ParseResult parsed = command.commandLine().getParseResult();
        List<String> arguments = new ArrayList<>(List.of(command.name()));
        for (PositionalParamSpec parameter : new LinkedHashSet<>(parsed.matchedPositionals())) {
            arguments.addAll(parameter.originalStringValues());
        }
        // The parser lists an option once for each time that it was given.
        for (OptionSpec option : new LinkedHashSet<>(parsed.matchedOptions())) {
            if (LaunchOptions.NAMES.contains(option.longestName())) {
                continue;
            }
            if (option.arity().max() == 0) {
                arguments.add(option.longestName());
            } else {
                option.originalStringValues().forEach(value -> {
                    arguments.add(option.longestName());
                    arguments.add(value);
                });
            }
        }
        return arguments;
    }

    /// The command with further assignments to keys of the recipe, which hold over those before.
    ///
    /// @param assignments `key.path=value` each
    List<String> words(List<String> assignments) {
        List<String> words = new ArrayList<>(program);
        words.addAll(arguments);
        for (String assignment : assignments) {
            words.add("--set");
            words.add(assignment);
        }
        return words;
    }
}
