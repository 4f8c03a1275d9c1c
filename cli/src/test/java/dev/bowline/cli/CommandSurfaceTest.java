package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

/// Scripts rely on the command line: commands, options and their help change only on purpose.
///
/// After a change that is meant, replace the file under `src/test/resources/surface` by what the failure shows.
class CommandSurfaceTest {

    private static final Path SURFACE = Path.of("src", "test", "resources", "surface");
    private static final int WIDTH = 80;

    @ParameterizedTest
    @MethodSource("commands")
    void helpIsTheRecordedText(String command) throws IOException {
        Ran ran = Ran.bowline(arguments(command));

        assertEquals(ExitCode.SUCCESS, ran.exitCode());
        assertEquals(Files.readString(SURFACE.resolve(file(command))), ran.out());
    }

    @ParameterizedTest
    @MethodSource("commands")
    void helpFitsTheScreenAndHasExamples(String command) {
        String help = help(command);

        assertTrue(help.contains("Examples:"), help);
        assertTrue(help.lines().allMatch(line -> line.length() <= WIDTH), help);
    }

    /// A path longer than the screen stays whole, and an example that is broken is one command to a shell.
    @ParameterizedTest
    @MethodSource("commands")
    void noWordIsBrokenWhereverBowlineIsInstalled(String command) {
        String path = "/opt/tools.d/machine-learning/bowline-0.1/" + "releases/".repeat(6) + "bowline";
        String before = help(command);
        System.setProperty(Launcher.PROPERTY, path);
        try {
            String help = help(command);
            String examples = help.substring(help.indexOf("Examples:"));

            assertEquals(
                    words(before.substring(before.indexOf("Examples:"))),
                    words(examples.replace(path, "bowline")
                            .replace(" \\\n", "\n")
                            .replace("# ", "")));
            assertTrue(
                    help.lines()
                            .allMatch(line -> line.length() <= WIDTH
                                    || line.strip().startsWith(path)
                                    || line.strip().startsWith("'" + path)),
                    help);
        } finally {
            System.clearProperty(Launcher.PROPERTY);
        }
    }

    /// @param command with the name of its group in front, if there is one
    private static String[] arguments(String command) {
        return command.equals("bowline") ? new String[] {"--help"} : (command + " --help").split(" ");
    }

    private static String file(String command) {
        return command.replace(' ', '-') + ".txt";
    }

    private static String help(String command) {
        return Ran.bowline(arguments(command)).out();
    }

    private static List<String> words(String text) {
        return List.of(text.replace(" \\\n", "\n").strip().split("\\s+"));
    }

    /// The library for command lines breaks a line after the dot of a file name.
    @ParameterizedTest
    @MethodSource("commands")
    void everyWordOfADescriptionIsWhole(String command) {
        CommandLine line = CommandTree.commandLine(Ran.silent());
        for (String name : command.split(" ")) {
            line = line.getSubcommands().getOrDefault(name, line);
        }
        CommandSpec spec = line.getCommandSpec();
        Set<String> shown = Set.copyOf(words(help(command)));

        List<String> missing = Stream.concat(
                        spec.args().stream().flatMap(argument -> Stream.of(argument.description())),
                        Stream.of(spec.usageMessage().description()))
                .flatMap(text -> words(text).stream())
                .filter(word -> !word.contains("${") && !shown.contains(word))
                .toList();

        assertEquals(List.of(), missing);
    }

    @Test
    void everyRecordedCommandExists() throws IOException {
        try (Stream<Path> files = Files.list(SURFACE)) {
            List<String> recorded =
                    files.map(file -> file.getFileName().toString()).sorted().toList();

            assertEquals(commands().map(CommandSurfaceTest::file).sorted().toList(), recorded);
        }
    }

    static Stream<String> commands() {
        Console console = Console.of(new StringReader(""), new StringWriter(), new StringWriter());
        List<String> names = new ArrayList<>();
        CommandTree.commandLine(console).getSubcommands().forEach((name, line) -> {
            names.add(name);
            line.getSubcommands().keySet().forEach(member -> names.add(name + " " + member));
        });
        names.remove("help");
        names.add("bowline");
        return names.stream();
    }
}
