package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/// An audit's command line means the same whether the parser of command lines reads it or not.
class AuditRequestTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "a",
                "a b/c d",
                "a --json",
                "--json a",
                "a --base b",
                "--base b a --adapter c",
                "a --html page.html b",
                "a --fail-on high",
                "a --fail-on Critical --json --base x --adapter y --html z",
            })
    void aPlainLineMeansWhatTheParserSays(String line) {
        assertEquals(Optional.of(parsed(line)), AuditRequest.ofPlain(words(line)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "--json",
                "a --base",
                "a --base --json",
                "a --base=b",
                "a --json --json",
                "a --base b --base c",
                "a --fail-on never",
                "a --help",
                "a -h",
                "a --stacktrace",
                "a --jso",
                "-- a",
                "@file",
                "a -",
            })
    void anyOtherLineIsForTheParser(String line) {
        assertEquals(Optional.empty(), AuditRequest.ofPlain(words(line)));
        assertEquals(Optional.empty(), AuditRequest.ofPlain("repair", "a"));
        assertEquals(Optional.empty(), AuditRequest.ofPlain());
    }

    @Test
    void everyOptionOfTheCommandIsKnown() {
        List<CommandLine.Model.OptionSpec> options =
                new CommandLine(new AuditCommand()).getCommandSpec().options();
        assertTrue(options.size() >= 5);
        for (CommandLine.Model.OptionSpec option : options) {
            String value = option.arity().max() == 0 ? "" : option.longestName().equals("--fail-on") ? " low" : " x";
            assertTrue(
                    AuditRequest.ofPlain(words("a " + option.longestName() + value))
                            .isPresent(),
                    option.longestName());
        }
    }

    private static String[] words(String line) {
        return Stream.concat(Stream.of("audit"), Arrays.stream(line.split(" ")).filter(word -> !word.isEmpty()))
                .toArray(String[]::new);
    }

    private static AuditRequest parsed(String line) {
        AuditCommand command = new AuditCommand();
        new CommandLine(command)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .parseArgs(Arrays.stream(words(line)).skip(1).toArray(String[]::new));
        return command.request();
    }
}
